"""Packets that look like answers but are none, sent over loopback by a bystander."""

from __future__ import annotations

import socket
import struct

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers import icmp_socket
from health.probers.base import Reply, WireTarget

SECOND = 1_000_000_000
# An address nobody answers from: the bystander answers in its stead.
SILENT = WireTarget("127.0.0.5")


def checksummed(message: bytes) -> bytes:
    value = 0xFFFF - int.from_bytes(message[:2] + b"\0\0" + message[4:], "big") % 0xFFFF
    return message[:2] + struct.pack("!H", value) + message[4:]


def reply_to(request: bytes) -> bytes:
    return checksummed(b"\0\0\0\0" + request[4:])


def error_about(request: bytes, destination: str, icmp_type: int = 3, code: int = 1) -> bytes:
    ip_header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(request), 0, 0, 64, 1, 0,
        socket.inet_aton("127.0.0.1"), socket.inet_aton(destination),
    )  # fmt: skip
    return checksummed(struct.pack("!BBHI", icmp_type, code, 0, 0) + ip_header + request)


@pytest.fixture
def forge(raw_socket):
    """Sends an ICMP message to this host from any loopback address."""

    def send(message: bytes, source: str = SILENT.address) -> None:
        pktinfo = struct.pack("@i4s4s", 0, socket.inet_aton(source), bytes(4))
        ancillary = [(socket.IPPROTO_IP, 8, pktinfo)]
        raw_socket.sendmsg([message], ancillary, 0, ("127.0.0.1", 0))

    return send


@pytest.fixture
def probed(icmp, outgoing, monkeypatch):
    """A prober with one outstanding probe that the kernel does not answer.

    The request goes to the bystander's memory instead of the wire, so that only
    forged packets can answer it.
    """
    prober = icmp()
    channel = prober._v4

    class Unplugged:
        sendto = staticmethod(lambda packet, peer: len(packet))

        def __getattr__(self, name):
            return getattr(real, name)

    real = channel.sock
    channel.sock = Unplugged()
    probe_id = prober.send(SILENT, 5 * SECOND)
    channel.sock = real
    return prober, probe_id, outgoing[-1]


def test_the_true_answer_is_accepted(probed, forge, helpers):
    prober, probe_id, request = probed
    forge(reply_to(request))
    (reply,) = helpers.collect(prober, 1)
    assert (reply.probe_id, reply.outcome) == (probe_id, Outcome.ANSWERED)


def test_a_second_copy_of_the_answer_is_a_duplicate(probed, forge, helpers):
    prober, _probe_id, request = probed
    forge(reply_to(request))
    helpers.collect(prober, 1)
    forge(reply_to(request))
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.DUPLICATE: 1}


def altered(request: bytes, position: int) -> bytes:
    changed = bytearray(reply_to(request))
    changed[position] ^= 0x55
    return checksummed(bytes(changed))


@pytest.mark.parametrize(
    ("spoil", "source", "reason"),
    [
        (lambda r: altered(r, 8), SILENT.address, Rejection.FOREIGN),
        (lambda r: altered(r, 15), SILENT.address, Rejection.FOREIGN),
        (lambda r: altered(r, 7), SILENT.address, Rejection.FOREIGN),
        (reply_to, "127.0.0.6", Rejection.FOREIGN),
        (lambda r: reply_to(r)[:-1] + b"!", SILENT.address, Rejection.CORRUPT),
        (lambda r: checksummed(reply_to(r)[:16]), SILENT.address, Rejection.CORRUPT),
        (lambda r: checksummed(reply_to(r) + b"more"), SILENT.address, Rejection.CORRUPT),
        (lambda r: checksummed(b"\0\1" + reply_to(r)[2:]), SILENT.address, Rejection.CORRUPT),
    ],
    ids=[
        "first byte of the token", "last byte of the token", "sequence", "source address",
        "checksum", "too short", "too long", "code",
    ],
)  # fmt: skip
def test_a_forged_answer_is_rejected_and_the_true_one_still_counts(
    probed, forge, helpers, spoil, source, reason
):
    prober, probe_id, request = probed
    forge(spoil(request), source)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {reason: 1}
    forge(reply_to(request))
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


def test_answers_with_another_identifier_do_not_even_reach_the_prober(probed, forge, helpers):
    prober, probe_id, request = probed
    for _ in range(20):
        forge(altered(request, 4))
    forge(reply_to(request))
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]
    assert not prober.rejected


@pytest.mark.parametrize(
    ("icmp_type", "code", "detail"),
    [
        (3, 1, "Destination host unreachable from 127.0.0.9"),
        (3, 13, "Packet filtered from 127.0.0.9"),
        (11, 0, "Time to live exceeded from 127.0.0.9"),
        (12, 0, "Parameter problem (code 0) from 127.0.0.9"),
    ],
)
@pytest.mark.parametrize("quoted_bytes", [8, 24])
def test_an_icmp_error_refuses_the_probe_it_quotes(
    probed, forge, helpers, icmp_type, code, detail, quoted_bytes
):
    prober, probe_id, request = probed
    forge(error_about(request[:quoted_bytes], SILENT.address, icmp_type, code), "127.0.0.9")
    (reply,) = helpers.collect(prober, 1)
    assert reply == Reply(probe_id, Outcome.REFUSED, None, detail)


@pytest.mark.parametrize(
    ("spoil", "destination", "reason"),
    [
        (lambda r: r, "127.0.0.6", Rejection.FOREIGN),
        (lambda r: r[:8] + b"guessing", SILENT.address, Rejection.FOREIGN),
        (lambda r: r[:6] + b"\xff\xff" + r[8:], SILENT.address, Rejection.FOREIGN),
    ],
    ids=["destination", "token", "sequence"],
)
def test_an_error_about_a_packet_we_did_not_send_is_rejected(
    probed, forge, helpers, spoil, destination, reason
):
    prober, _probe_id, request = probed
    forge(error_about(spoil(request), destination), "127.0.0.9")
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {reason: 1}


@pytest.mark.parametrize(
    ("quoted", "reason"),
    [
        (lambda request: b"\0" + request[1:], Rejection.CORRUPT),  # quotes an echo reply
        (lambda request: request, None),
    ],
)
def test_an_error_must_quote_an_echo_request(probed, forge, helpers, quoted, reason):
    prober, probe_id, request = probed
    forge(error_about(quoted(request), SILENT.address), "127.0.0.9")
    if reason is None:
        assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]
    else:
        assert helpers.await_rejection(prober) == []
        assert prober.rejected == {reason: 1}


def test_errors_about_other_people_s_packets_do_not_even_reach_the_prober(probed, forge, helpers):
    prober, probe_id, request = probed
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(20):  # each is answered by a port unreachable of the kernel
            udp.sendto(b"x" * 40, ("127.0.0.1", 9))
    other = request[:4] + bytes([request[4] ^ 1]) + request[5:]
    for _ in range(20):
        forge(error_about(other, SILENT.address), "127.0.0.9")
    forge(reply_to(request))
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]
    assert not prober.rejected


def test_what_arrived_before_the_filter_was_attached_is_not_seen(
    icmp, forge, monkeypatch, raw_socket
):
    attach = icmp_socket._attach_filter

    def flood_then_attach(sock, program):
        for _ in range(20):
            forge(checksummed(b"\0\0\0\0\x12\x34\0\1stranger's"))
        attach(sock, program)

    monkeypatch.setattr(icmp_socket, "_attach_filter", flood_then_attach)
    prober = icmp()
    assert prober.receive() == []
    assert not prober.rejected
