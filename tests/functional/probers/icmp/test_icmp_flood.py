"""A flood of packets that nearly answer outstanding probes: none counts, each is told by its name.

PATHWARDEN_FORGED_REPLIES raises the number (5,000 for each way to ping).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from health.domain.measurement import Outcome, Rejection
from tests.functional.probers.icmp.forger import Forger, checksummed

pytestmark = pytest.mark.root

FORGED = int(os.environ.get("PATHWARDEN_FORGED_REPLIES", "5000"))
PORTION = 5_000
PROBES = 300
FOREVER = 3_600_000_000_000
UNREACHABLE = {"IPv4": (3, 1), "IPv6": (1, 3)}


class Sent(NamedTuple):
    """A probe as a host on the path saw it."""

    probe_id: int
    address: str
    request: bytes


class Forgery(NamedTuple):
    """How to spoil the answer to a probe, and what it is counted as (None: the kernel drops it)."""

    of: list[Sent]
    message: Callable[[Sent], bytes]
    reason: Rejection | None
    from_elsewhere: bool = False


@pytest.fixture
def deaf_host(own_net, helpers):
    """No request is answered: only forged packets can be answers."""
    helpers.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    helpers.run("sysctl", "-qw", "net.ipv6.icmp.echo_ignore_all=1")


def forgeries(f: Forger, mode: str, family: str, *kinds: list[Sent]) -> list[Forgery]:
    """Every way to be no answer. ``kinds``: answered, given up and outstanding probes."""
    answered, given_up, live = kinds
    other = {sent.probe_id: live[n - 1] for n, sent in enumerate(live)}
    elsewhere = live[0].address
    error = UNREACHABLE[family]
    checksum = Rejection.CORRUPT if mode == "raw" else None
    ways = [
        Forgery(answered, lambda s: f.reply(s.request), Rejection.DUPLICATE),
        Forgery(given_up, lambda s: f.reply(s.request), Rejection.LATE),
        Forgery(live, lambda s: f.altered(s.request, 8), Rejection.FOREIGN),
        Forgery(live, lambda s: f.altered(s.request, 6), Rejection.FOREIGN),
        Forgery(live[1:], lambda s: f.reply(s.request), Rejection.FOREIGN, from_elsewhere=True),
        Forgery(
            live,
            lambda s: f.reply(s.request[:8] + other[s.probe_id].request[8:]),
            Rejection.FOREIGN,
        ),
        Forgery(live, lambda s: f.altered(s.request, 4), None),
        Forgery(live, lambda s: f.altered(s.request, 23), Rejection.CORRUPT),
        Forgery(live, lambda s: checksummed(f.reply(s.request)[:20]), Rejection.CORRUPT),
        Forgery(live, lambda s: checksummed(f.reply(s.request) + b"!!"), Rejection.CORRUPT),
        Forgery(live, lambda s: f.altered(s.request, 1), Rejection.CORRUPT),
        Forgery(live, lambda s: f.error(s.request, elsewhere, *error), Rejection.FOREIGN),
        Forgery(
            live,
            lambda s: f.error(s.request[:8] + b"guessing", s.address, *error),
            Rejection.FOREIGN,
        ),
    ]
    if family == "IPv4":  # of IPv6 the kernel puts it right
        ways.append(Forgery(live, lambda s: miscounted(f.reply(s.request)), checksum))
    ways[11] = ways[11]._replace(of=live[1:])
    return ways


def miscounted(message: bytes) -> bytes:
    return message[:2] + bytes([message[2] ^ 0x10]) + message[3:]


def flood(ways: list[Forgery], number: int) -> Iterator[tuple[Forgery, Sent]]:
    for n in range(number):
        way = ways[n % len(ways)]
        yield way, way.of[n // len(ways) % len(way.of)]


def test_no_forged_late_duplicate_corrupt_or_foreign_packet_is_an_answer(
    deaf_host, echo, outgoing, helpers, forger
):
    # In portions, each over long before the ten seconds for which settled probes are known.
    for begun in range(0, FORGED, PORTION):
        outgoing.clear()
        endure(echo, outgoing, helpers, forger, min(PORTION, FORGED - begun))


@pytest.fixture
def forger(echo):
    made = Forger(echo.family)
    yield made
    made.close()


def endure(echo, outgoing, helpers, forger, number: int) -> None:
    """A prober with probes of all kinds under a flood of ``number`` forged packets."""
    prober = echo.make()
    lanes = [prober.prepare(echo.target(n)) for n in range(PROBES)]
    sent = [Sent(prober.send(lane, FOREVER), lane.target.address, outgoing[-1]) for lane in lanes]
    answered, given_up, live = sent[:100], sent[100:200], sent[200:]
    for one in answered:
        forger.send(forger.reply(one.request), one.address)
    assert len(helpers.collect(prober, 100)) == 100
    for one in given_up:
        prober.forget(one.probe_id)

    expected: Counter[Rejection] = Counter()
    accepted = []
    ways = forgeries(forger, echo.mode, echo.family, answered, given_up, live)
    for n, (way, one) in enumerate(flood(ways, number)):
        forger.send(way.message(one), live[0].address if way.from_elsewhere else one.address)
        if way.reason is not None:
            expected[way.reason] += 1
        if n % 64 == 63:
            accepted += prober.receive()
    accepted += helpers.await_rejection(prober, expected.total() - prober.rejected.total())
    assert accepted == []
    assert prober.rejected == expected

    for one in live:
        forger.send(forger.reply(one.request), one.address)
    replies = helpers.collect(prober, len(live))
    assert [reply.probe_id for reply in replies] == [one.probe_id for one in live]
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert prober.rejected == expected
    prober.close()
