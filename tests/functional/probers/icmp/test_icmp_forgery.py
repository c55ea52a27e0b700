"""Packets that look like answers but are none, sent over loopback by a bystander."""

from __future__ import annotations

import socket

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers import icmp_filters
from health.probers.base import Reply, WireTarget
from tests.functional.probers.icmp.forger import Forger, checksummed

pytestmark = pytest.mark.root

UNREACHABLE = {"IPv4": (3, 1), "IPv6": (1, 3)}
ROUTER = {"IPv4": "127.0.0.9", "IPv6": "fd77::9"}


@pytest.fixture
def forger(echo):
    """A bystander in the prober's namespace."""
    made = Forger(echo.family)
    yield made
    made.close()


@pytest.fixture
def probed(echo, outgoing, helpers):
    """A prober, the address of its one outstanding probe, its id, and the request.

    The request goes to the bystander's memory instead of the wire, so that only
    forged packets can answer it.
    """
    prober = echo.make()
    lane = prober.prepare(echo.target(5))
    real = lane.channel.sock

    class Unplugged:
        def sendto(self, packet, peer):
            return len(packet)

    lane.channel.sock = Unplugged()
    probe_id = prober.send(lane, 60_000_000_000)
    lane.channel.sock = real
    return prober, lane.target.address, probe_id, outgoing[-1]


def test_the_true_answer_is_accepted(probed, forger, helpers):
    prober, address, probe_id, request = probed
    forger.send(forger.reply(request), address)
    (reply,) = helpers.collect(prober, 1)
    assert (reply.probe_id, reply.outcome) == (probe_id, Outcome.ANSWERED)


def test_a_second_copy_of_the_answer_is_a_duplicate(probed, forger, helpers):
    prober, address, _probe_id, request = probed
    forger.send(forger.reply(request), address)
    helpers.collect(prober, 1)
    forger.send(forger.reply(request), address)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.DUPLICATE: 1}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f, r: f.altered(r, 8), Rejection.FOREIGN),
        (lambda f, r: f.altered(r, 15), Rejection.FOREIGN),
        (lambda f, r: f.altered(r, 7), Rejection.FOREIGN),
        (lambda f, r: f.altered(r, 16), Rejection.CORRUPT),
        (lambda f, r: checksummed(f.reply(r)[:16]), Rejection.CORRUPT),
        (lambda f, r: checksummed(f.reply(r)[:9]), Rejection.CORRUPT),
        (lambda f, r: checksummed(f.reply(r) + b"more"), Rejection.CORRUPT),
        (lambda f, r: checksummed(f.reply(r)[:1] + b"\1" + f.reply(r)[2:]), Rejection.CORRUPT),
    ],
    ids=[
        "first byte of the token", "last byte of the token", "sequence", "signature",
        "no signature", "a token of one byte", "too long", "code",
    ],
)  # fmt: skip
def test_a_forged_answer_is_rejected_and_the_true_one_still_counts(
    probed, forger, helpers, spoil, reason
):
    prober, address, probe_id, request = probed
    forger.send(spoil(forger, request), address)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {reason: 1}
    forger.send(forger.reply(request), address)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


def test_the_right_answer_from_another_address_is_foreign(probed, echo, forger, helpers):
    prober, _address, _probe_id, request = probed
    forger.send(forger.reply(request), echo.target(6).address)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 1}


def test_an_answer_with_a_wrong_checksum_is_never_accepted(probed, echo, forger, helpers):
    prober, address, probe_id, request = probed
    reply = forger.reply(request)
    if echo.family == "IPv4":  # of IPv6 the kernel puts it right before it leaves
        forger.send(reply[:2] + bytes([reply[2] ^ 1, reply[3]]) + reply[4:], address)
    if echo.family == "IPv4" and echo.mode == "raw":
        assert helpers.await_rejection(prober) == []
        assert prober.rejected == {Rejection.CORRUPT: 1}
    forger.send(reply, address)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


def test_answers_with_another_identifier_do_not_even_reach_the_prober(probed, forger, helpers):
    prober, address, probe_id, request = probed
    for _ in range(20):
        forger.send(forger.altered(request, 4), address)
    forger.send(forger.reply(request), address)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]
    assert not prober.rejected


@pytest.fixture
def other_group(probed, echo):
    """A lane of the same prober to the same target, which leaves another way."""
    prober, address, _probe_id, request = probed
    lane = prober.prepare(WireTarget(address, fwmark=7))
    assert request[4:6] != lane.identifier.to_bytes(2, "big")
    return lane


def test_an_answer_with_the_identifier_of_another_group_is_foreign(
    probed, other_group, forger, helpers
):
    prober, address, probe_id, request = probed
    other = request[:4] + other_group.identifier.to_bytes(2, "big") + request[6:]
    forger.send(forger.reply(other), address)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 1}
    forger.send(forger.reply(request), address)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]
    forger.send(forger.reply(other), address)  # nor is it a duplicate afterwards
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 2}


@pytest.mark.parametrize("quoted_bytes", [8, 24])
def test_an_error_with_the_identifier_of_another_group_is_foreign(
    probed, other_group, echo, forger, helpers, quoted_bytes
):
    prober, address, probe_id, request = probed
    other = request[:4] + other_group.identifier.to_bytes(2, "big") + request[6:]
    error = forger.error(other[:quoted_bytes], address, *UNREACHABLE[echo.family])
    forger.send(error, ROUTER[echo.family])
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 1}
    forger.send(forger.reply(request), address)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


@pytest.mark.parametrize("mode", ["raw"], indirect=True)
def test_an_answer_with_an_identifier_that_no_group_has_is_foreign(probed, forger, helpers):
    prober, address, _probe_id, request = probed
    other = request[:5] + bytes([request[5] ^ 1]) + request[6:]
    forger.send(forger.reply(other), address)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 1}


@pytest.mark.parametrize(
    ("family", "icmp_type", "code", "detail"),
    [
        ("IPv4", 3, 1, "Destination host unreachable from 127.0.0.9"),
        ("IPv4", 3, 13, "Packet filtered from 127.0.0.9"),
        ("IPv4", 11, 0, "Time to live exceeded from 127.0.0.9"),
        ("IPv4", 12, 0, "Parameter problem (code 0) from 127.0.0.9"),
        ("IPv6", 1, 0, "No route to destination from fd77::9"),
        ("IPv6", 1, 1, "Communication with destination administratively prohibited from fd77::9"),
        ("IPv6", 3, 0, "Hop limit exceeded from fd77::9"),
        ("IPv6", 4, 1, "Parameter problem (code 1) from fd77::9"),
    ],
    indirect=["family"],
)
@pytest.mark.parametrize("quoted_bytes", [8, 24])
def test_an_icmp_error_refuses_the_probe_it_quotes(
    probed, forger, helpers, family, icmp_type, code, detail, quoted_bytes
):
    prober, address, probe_id, request = probed
    error = forger.error(request[:quoted_bytes], address, icmp_type, code)
    forger.send(error, ROUTER[family])
    (reply,) = helpers.collect(prober, 1)
    assert reply == Reply(probe_id, Outcome.REFUSED, None, detail)


@pytest.mark.parametrize(
    ("spoil", "other_destination"),
    [
        (lambda r: r, True),
        (lambda r: r[:8] + b"guessing", False),
        (lambda r: r[:6] + b"\xff\xff" + r[8:], False),
    ],
    ids=["destination", "token", "sequence"],
)
def test_an_error_about_a_packet_we_did_not_send_is_rejected(
    probed, echo, forger, helpers, spoil, other_destination
):
    prober, address, _probe_id, request = probed
    destination = echo.target(6).address if other_destination else address
    error = forger.error(spoil(request), destination, *UNREACHABLE[echo.family])
    forger.send(error, ROUTER[echo.family])
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 1}


def test_a_second_error_about_a_probe_is_a_duplicate(probed, echo, forger, helpers):
    prober, address, _probe_id, request = probed
    error = forger.error(request, address, *UNREACHABLE[echo.family])
    forger.send(error, ROUTER[echo.family])
    assert len(helpers.collect(prober, 1)) == 1
    forger.send(error, ROUTER[echo.family])
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.DUPLICATE: 1}


@pytest.mark.parametrize("mode", ["raw"], indirect=True)
def test_an_error_must_quote_an_echo_request(probed, echo, forger, helpers):
    prober, address, _probe_id, request = probed
    quoted = forger.reply(request)
    forger.send(forger.error(quoted, address, *UNREACHABLE[echo.family]), ROUTER[echo.family])
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.CORRUPT: 1}


def test_errors_about_other_people_s_packets_do_not_even_reach_the_prober(
    probed, echo, forger, helpers
):
    prober, address, probe_id, request = probed
    with socket.socket(echo.socket_family, socket.SOCK_DGRAM) as udp:
        for _ in range(20):  # each is answered by a port unreachable of the kernel
            udp.sendto(b"x" * 40, (address, 9))
    other = request[:4] + bytes([request[4] ^ 1]) + request[5:]
    for _ in range(20):
        error = forger.error(other, address, *UNREACHABLE[echo.family])
        forger.send(error, ROUTER[echo.family])
    forger.send(forger.reply(request), address)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]
    assert not prober.rejected


@pytest.mark.parametrize("mode", ["raw"], indirect=True)
def test_what_arrived_before_the_filter_was_attached_is_not_seen(echo, forger, monkeypatch):
    attach = icmp_filters._attach

    def flood_then_attach(sock, program):
        for _ in range(20):
            forger.send(forger.reply(b"\0\0\0\0\x12\x34\0\1stranger's"), echo.target().address)
        attach(sock, program)

    monkeypatch.setattr(icmp_filters, "_attach", flood_then_attach)
    prober = echo.make()
    assert prober.receive() == []
    assert not prober.rejected


def test_an_answer_behind_ip_options_counts_too(own_net, make_prober, outgoing, helpers):
    """A host may send a record-route option (RFC 791 §3.1) with its answer."""
    prober = make_prober()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        helpers.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
        probe_id = helpers.send(prober, silent := WireTarget("127.0.0.5"))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x07\x07\x04\0\0\0\0\0")
        sock.bind((silent.address, 0))
        forger = Forger("IPv4")
        sock.sendto(forger.reply(outgoing[-1]), ("127.0.0.1", 0))
        forger.close()
    (reply,) = helpers.collect(prober, 1)
    assert (reply.probe_id, reply.outcome) == (probe_id, Outcome.ANSWERED)
    assert not prober.rejected
