"""Two uplinks with one source and one target behind a rule of this very host that masquerades."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from health.domain.measurement import Outcome
from health.probers import icmp_socket
from health.probers.base import SendError, WireTarget
from health.probers.dns import DnsProber
from health.probers.icmp import IcmpProber
from health.probers.stamp import StampProber
from health.probers.tcp import TcpProber
from tests.lab.two_uplinks import TARGET, TARGET6, specs

pytestmark = pytest.mark.root

SECOND = 1_000_000_000
ROUNDS = 10
MASQUERADE = """
nft add table inet nat
nft 'add chain inet nat post { type nat hook postrouting priority srcnat; }'
nft 'add rule inet nat post oifname { wan1, wan2 } masquerade'
"""


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def family(request):
    return request.param


@pytest.fixture
def lines(lab, watch, family):
    """What a probe over each uplink looks like; whatever leaves is masqueraded."""
    watcher = watch()
    watcher.keeper.configure(specs())
    lab.branch.shell(MASQUERADE)
    watcher.wait_verified(1, 2, family=family)
    address = TARGET6 if family == 6 else TARGET
    states = [watcher.now(key) for key in (1, 2)]
    return [
        WireTarget(
            address, source=state.source_for(address), interface=state.interface,
            interface_index=state.index, fwmark=state.fwmark,
        )
        for state in states
    ]  # fmt: skip


@pytest.fixture
def make_prober(lab, monkeypatch):
    """Makes probers in the branch that are closed afterwards."""
    made = []

    def make(mode="raw"):
        if mode == "unprivileged":
            Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
            monkeypatch.setattr(icmp_socket, "_open_raw", _forbidden)
        made.append(IcmpProber())
        return made[-1]

    yield make
    for prober in made:
        prober.close()


def _forbidden(family):
    raise PermissionError(errno.EPERM, "as to a user without CAP_NET_RAW")


def collected(prober, wanted, patience_secs):
    """The first ``wanted`` replies, or fewer when patience ends."""
    replies = []
    deadline = time.monotonic() + patience_secs
    while len(replies) < wanted and time.monotonic() < deadline:
        replies += prober.receive()
        time.sleep(0.002)
    return replies


def probe(prober, lines, outcome=Outcome.ANSWERED):
    """How many of ten probes over each line, sent in turns, ended like this."""
    lanes = [prober.prepare(line) for line in lines]
    ids = [[], []]
    for _ in range(ROUNDS):
        for lane, own in zip(lanes, ids, strict=True):
            own.append(prober.send(lane, SECOND))
    answered = {
        reply.probe_id for reply in collected(prober, 2 * ROUNDS, 1.0)
        if reply.outcome is outcome
    }  # fmt: skip
    for lane in lanes:
        prober.release(lane)
    return [len(answered & set(own)) for own in ids]


@pytest.mark.parametrize("mode", ["raw", "unprivileged"])
def test_every_probe_is_answered_over_its_own_uplink(lab, lines, make_prober, family, mode):
    prober = make_prober(mode)
    assert lines[0].source == lines[1].source
    before = [lab.echoes(key, family) for key in (1, 2)]
    assert probe(prober, lines) == [ROUNDS, ROUNDS]
    assert [lab.echoes(key, family) for key in (1, 2)] == [n + ROUNDS for n in before]
    assert not prober.rejected


@pytest.mark.parametrize("mode", ["raw", "unprivileged"])
def test_an_uplink_that_comes_later_is_answered_at_once(lines, make_prober, mode):
    """The identifier that the first has given back is not the next one's."""
    prober = make_prober(mode)
    for line in lines:
        lane = prober.prepare(line)
        prober.send(lane, SECOND)
        assert [str(one.outcome) for one in collected(prober, 1, 1.0)] == ["answered"]
        prober.release(lane)


def test_with_one_identifier_for_all_the_kernel_stops_probes_of_the_second_uplink(
    lines, make_prober, monkeypatch
):
    """What the identifiers are for, and what becomes of more groups than there are."""
    monkeypatch.setattr(icmp_socket, "identifiers_of", lambda common: [common])
    prober = make_prober()
    lanes = [prober.prepare(line) for line in lines]
    prober.send(lanes[0], SECOND)
    with pytest.raises(SendError) as refusal:
        prober.send(lanes[1], SECOND)
    assert refusal.value.outcome is Outcome.DENIED


@pytest.mark.parametrize("mode", ["raw", "unprivileged"])
def test_two_probe_hosts_in_one_namespace_hear_their_own_answers_only(lines, make_prober, mode):
    one, two = make_prober(mode), make_prober(mode)
    lanes = [prober.prepare(line) for line in lines for prober in (one, two)]
    mine = {prober: set() for prober in (one, two)}
    for _ in range(ROUNDS):
        for lane, prober in zip(lanes, (one, two) * 2, strict=True):
            mine[prober].add(prober.send(lane, SECOND))
    for prober, ids in mine.items():
        assert {reply.probe_id for reply in collected(prober, 2 * ROUNDS, 1.0)} == ids
        assert prober.receive() == []


@pytest.mark.parametrize("make", [TcpProber, DnsProber, StampProber])
def test_other_kinds_come_back_over_each_uplink_too(lines, make):
    """Where nobody listens the target itself says so, by a reset or an ICMP error."""
    prober = make()
    try:
        closed = [line._replace(port=4) for line in lines]
        assert probe(prober, closed, Outcome.REFUSED) == [ROUNDS, ROUNDS]
    finally:
        prober.close()
