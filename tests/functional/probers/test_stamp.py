"""STAMP over real UDP sockets, against the real reflector and against forgers."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Reply, SendError, WireTarget
from health.probers.stamp import without_dwell
from health.probers.stamp_packet import (
    ReflectorPacket,
    decode_sender,
    encode_reflector,
    ntp_timestamp,
)

SECOND = 1_000_000_000
MS = 1_000_000


@pytest.fixture
def far_end():
    """A socket that the test answers on by hand."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(3)
        yield sock


@pytest.fixture
def probed(stamp, far_end):
    """A prober, its outstanding probe, the packet as it arrived and where from."""
    prober = stamp()
    probe_id = send(prober, WireTarget("127.0.0.1", far_end.getsockname()[1]), 5 * SECOND)
    data, sender = far_end.recvfrom(512)
    return prober, probe_id, decode_sender(data), sender


def send(prober, target, timeout_ns=SECOND) -> int:
    """One probe in a session of its own."""
    return prober.send(prober.prepare(target), timeout_ns)


def answer_to(packet, *, dwell_ns=0, **changes) -> bytes:
    now = time.time_ns()
    reply = ReflectorPacket(
        0, ntp_timestamp(now), 1, 0, ntp_timestamp(now - dwell_ns),
        packet.sequence, packet.timestamp, packet.error_estimate, 64,
    )  # fmt: skip
    return encode_reflector(reply._replace(**changes))


def test_a_reflector_answers_and_every_reply_finds_its_probe(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect().addresses[0]
    lane = prober.prepare(WireTarget("127.0.0.1", port))
    ids = [prober.send(lane, SECOND) for _ in range(200)]
    replies = helpers.collect(prober, 200)
    assert sorted(reply.probe_id for reply in replies) == ids
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert all(0 <= reply.rtt_ns < SECOND for reply in replies)
    assert not prober.rejected


def test_ipv6_works_alike(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect(host="::1").addresses[0]
    probe_id = send(prober, WireTarget("0:0::1", port, dscp=46))
    (reply,) = helpers.collect(prober, 1)
    assert (reply.probe_id, reply.outcome) == (probe_id, Outcome.ANSWERED)


def test_a_reflector_on_all_addresses_answers_from_the_one_that_was_probed(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect(host="0.0.0.0").addresses[0]
    send(prober, WireTarget("127.0.0.77", port, source="127.0.0.78"))
    (reply,) = helpers.collect(prober, 1)
    assert reply.outcome is Outcome.ANSWERED


def test_the_artificial_delay_is_visible_to_the_sender(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect(delay_ms=40).addresses[0]
    lane = prober.prepare(WireTarget("127.0.0.1", port))
    for _ in range(5):
        prober.send(lane, SECOND)
    rtts = [reply.rtt_ns for reply in helpers.collect(prober, 5)]
    assert len(rtts) == 5
    assert min(rtts) >= 39 * MS


def test_the_artificial_jitter_spreads_the_times_around_the_delay(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect(delay_ms=30, jitter_ms=10).addresses[0]
    lane = prober.prepare(WireTarget("127.0.0.1", port))
    for _ in range(100):
        prober.send(lane, SECOND)
    rtts = [reply.rtt_ns for reply in helpers.collect(prober, 100)]
    assert len(rtts) == 100
    assert min(rtts) >= 19 * MS
    assert max(rtts) - min(rtts) > 10 * MS


def test_the_artificial_loss_is_about_as_often_as_asked_for(stamp, reflect, helpers):
    reflector = reflect(loss_pct=30)
    prober, (_, port) = stamp(), reflector.addresses[0]
    lane = prober.prepare(WireTarget("127.0.0.1", port))
    replies = []
    for i in range(1000):
        prober.send(lane, 30 * SECOND)
        if i % 50 == 49:
            replies += prober.receive()
    deadline = time.monotonic() + 5
    while reflector.answered + reflector.dropped < 1000 and time.monotonic() < deadline:
        time.sleep(0.01)
    replies += helpers.collect(prober, reflector.answered - len(replies))
    assert reflector.answered + reflector.dropped == 1000
    assert len(replies) == reflector.answered
    assert 230 <= reflector.dropped <= 370


def test_a_closed_port_refuses_the_probe_with_the_reason(stamp, helpers):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        port = placeholder.getsockname()[1]
    prober = stamp()
    lane = prober.prepare(WireTarget("127.0.0.1", port))
    ids = [prober.send(lane, SECOND) for _ in range(10)]
    replies = helpers.collect(prober, 10)
    detail = "Destination port unreachable from 127.0.0.1"
    assert replies == [Reply(probe_id, Outcome.REFUSED, None, detail) for probe_id in ids]


def test_a_refusing_neighbour_does_not_spoil_the_probes_of_others(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect().addresses[0]
    good, bad = (prober.prepare(WireTarget("127.0.0.1", p)) for p in (port, 1))
    expected = {}
    for _ in range(50):
        expected[prober.send(bad, SECOND)] = Outcome.REFUSED
        expected[prober.send(good, SECOND)] = Outcome.ANSWERED
    replies = helpers.collect(prober, 100)
    assert {reply.probe_id: reply.outcome for reply in replies} == expected


def own_ports(far_end, prober, lanes) -> list[int]:
    """The local port each lane sends from."""
    ports = []
    for lane in lanes:
        prober.send(lane, SECOND)
        ports.append(far_end.recvfrom(512)[1][1])
    return ports


def test_paths_with_different_options_have_sockets_of_their_own(stamp):
    prober = stamp()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far_end:
        far_end.bind(("0.0.0.0", 0))
        far_end.settimeout(3)
        port = far_end.getsockname()[1]
        lanes = [
            prober.prepare(target)
            for target in (
                WireTarget("127.0.0.1", port),
                WireTarget("127.0.0.2", port),
                WireTarget("127.0.0.1", port, source="127.0.0.9"),
                WireTarget("127.0.0.1", port, dscp=46),
            )
        ]
        first, *others = own_ports(far_end, prober, lanes)
    assert others[0] == first
    assert len({first, *others}) == 3


def test_targets_alike_in_all_have_sockets_of_their_own_and_beyond_four_share_them(stamp, far_end):
    prober, target = stamp(), WireTarget("127.0.0.1", far_end.getsockname()[1])
    lanes = [prober.prepare(target) for _ in range(12)]
    ports = own_ports(far_end, prober, lanes)
    assert len(set(ports[:4])) == 4
    assert {ports.count(port) for port in ports} == {3}
    assert len({lane.session for lane in lanes}) == 12


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_socket_closes_with_the_last_lane_that_uses_it(stamp):
    prober = stamp()
    before = open_descriptors()
    one, other, else_where = (
        prober.prepare(WireTarget(address, 862, dscp=dscp))
        for address, dscp in (("127.0.0.1", 0), ("127.0.0.2", 0), ("127.0.0.1", 46))
    )
    assert open_descriptors() == before + 2
    prober.release(one)
    prober.release(one)
    assert open_descriptors() == before + 2
    prober.release(other)
    assert open_descriptors() == before + 1
    prober.release(else_where)
    assert open_descriptors() == before


def test_another_interface_index_is_another_socket(stamp):
    prober = stamp()
    before = open_descriptors()
    old = prober.prepare(WireTarget("127.0.0.1", 862, interface="lo", interface_index=77))
    new = prober.prepare(WireTarget("127.0.0.1", 862, interface="lo"))
    assert new.sock is not old.sock
    assert prober.prepare(WireTarget("127.0.0.2", 862, interface="lo")).sock is new.sock
    prober.release(old)
    assert open_descriptors() == before + 1


def test_a_lane_that_is_released_leaves_the_others_their_probes(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect(delay_ms=20).addresses[0]
    lanes = [prober.prepare(WireTarget("127.0.0.1", port)) for _ in range(10)]
    ids = [prober.send(lane, SECOND) for lane in lanes]
    for lane in lanes[::2]:
        prober.release(lane)
    replies = helpers.collect(prober, 5)
    assert sorted(reply.probe_id for reply in replies) == ids[1::2]
    prober.forget(ids[0])
    assert not any(lane.live for lane in lanes)


def test_no_socket_wakes_the_engine_because_the_kernel_stamps_arrivals(stamp, reflect, helpers):
    prober, (_, port) = stamp(), reflect().addresses[0]
    assert prober.sockets() == ()
    send(prober, WireTarget("127.0.0.1", port))
    time.sleep(0.1)
    (reply,) = helpers.collect(prober, 1)
    assert reply.rtt_ns < 90 * MS


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        (WireTarget("127.0.0.1", 862, interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("127.0.0.1", 862, source="192.0.2.77"), Outcome.MISCONFIGURED, "192.0.2.77"),
        (WireTarget("router.example", 862), Outcome.MISCONFIGURED, "resolve the name"),
        (WireTarget("127.0.0.1", 0), Outcome.MISCONFIGURED, "port 0"),
        (WireTarget("127.0.0.1", 70000), Outcome.MISCONFIGURED, "port 70000"),
        (WireTarget("255.255.255.255", 862), Outcome.DENIED, "broadcast"),
    ],
)
def test_a_probe_that_cannot_leave_says_whose_fault_it_is(stamp, target, outcome, words):
    with pytest.raises(SendError, match=words) as refusal:
        send(stamp(), target)
    assert refusal.value.outcome is outcome


def test_each_packet_carries_random_bits(stamp, far_end):
    prober = stamp()
    lane = prober.prepare(WireTarget("127.0.0.1", far_end.getsockname()[1]))
    low_bits = set()
    for _ in range(50):
        prober.send(lane, SECOND)
        low_bits.add(decode_sender(far_end.recv(512)).timestamp & 0xFFFFF)
    assert len(low_bits) > 45


def test_each_session_numbers_its_own_packets_without_a_gap(stamp, far_end):
    prober, target = stamp(), WireTarget("127.0.0.1", far_end.getsockname()[1])
    lanes = [prober.prepare(target), prober.prepare(target)]
    lanes[1].sequence = 2**32 - 2
    numbers = {lane.session: [] for lane in lanes}
    for _ in range(5):
        for lane in lanes:
            prober.send(lane, SECOND)
            packet = decode_sender(far_end.recv(512))
            numbers[packet.session].append(packet.sequence)
    first = numbers[lanes[0].session]
    assert first[0] > 0
    assert first == list(range(first[0], first[0] + 5))
    assert numbers[lanes[1].session] == [2**32 - 2, 2**32 - 1, 0, 1, 2]


def test_a_packet_that_could_not_leave_takes_no_number(stamp, far_end):
    prober = stamp()
    lane = prober.prepare(WireTarget("127.0.0.1", far_end.getsockname()[1]))
    expected, real = lane.sequence, lane.sock
    lane.sock = Congested()
    with pytest.raises(SendError) as refusal:
        prober.send(lane, SECOND)
    assert refusal.value.outcome is Outcome.CONGESTED
    lane.sock = real
    prober.send(lane, SECOND)
    assert decode_sender(far_end.recv(512)).sequence == expected


class Congested:
    """A socket whose queue is full."""

    def sendto(self, *_: object) -> int:
        raise OSError(errno.ENOBUFS, "No buffer space available")


def test_the_reflector_s_own_delay_is_subtracted(stamp, far_end, helpers):
    prober = stamp()
    before = time.monotonic_ns()
    send(prober, WireTarget("127.0.0.1", far_end.getsockname()[1]), 5 * SECOND)
    data, sender = far_end.recvfrom(512)
    time.sleep(0.05)
    far_end.sendto(answer_to(decode_sender(data), dwell_ns=45 * MS), sender)
    (reply,) = helpers.collect(prober, 1)
    total = time.monotonic_ns() - before
    assert 5 * MS <= reply.rtt_ns <= total - 45 * MS


@pytest.mark.parametrize(
    ("total", "dwell", "rtt"), [(50, 45, 5), (50, 50, 0), (50, 51, 50), (50, -1, 50), (0, 0, 0)]
)
def test_an_impossible_dwell_is_left_out_and_the_time_is_never_negative(total, dwell, rtt):
    assert without_dwell(total, dwell) == rtt


def test_trailing_tlvs_and_padding_are_ignored(probed, far_end, helpers):
    prober, probe_id, packet, sender = probed
    far_end.sendto(answer_to(packet) + bytes(1000), sender)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: answer_to(p, sender_timestamp=p.timestamp ^ 1), Rejection.FOREIGN),
        (lambda p: answer_to(p, sender_timestamp=p.timestamp ^ 1 << 63), Rejection.FOREIGN),
        (lambda p: answer_to(p, sender_sequence=p.sequence + 1), Rejection.FOREIGN),
        (lambda p: answer_to(p, sender_sequence=p.sequence + 65536), Rejection.FOREIGN),
        (lambda p: answer_to(p)[:40], Rejection.CORRUPT),
        (lambda p: b"", Rejection.CORRUPT),
    ],
    ids=["a random bit", "the highest bit", "sequence", "sequence of the slot", "short", "empty"],
)
def test_a_forged_reply_is_rejected_and_the_true_one_still_counts(
    probed, far_end, helpers, spoil, reason
):
    prober, probe_id, packet, sender = probed
    far_end.sendto(spoil(packet), sender)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {reason: 1}
    far_end.sendto(answer_to(packet), sender)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


def test_a_reply_from_another_port_is_foreign(probed, helpers):
    prober, _probe_id, packet, sender = probed
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(answer_to(packet), sender)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.FOREIGN: 1}


def test_a_second_copy_is_a_duplicate_and_a_forgotten_probe_s_reply_is_late(
    probed, far_end, helpers
):
    prober, _probe_id, packet, sender = probed
    far_end.sendto(answer_to(packet), sender)
    helpers.collect(prober, 1)
    far_end.sendto(answer_to(packet), sender)
    helpers.await_rejection(prober)
    assert prober.rejected == {Rejection.DUPLICATE: 1}
    lane = prober.prepare(WireTarget("127.0.0.1", far_end.getsockname()[1]))
    prober.forget(prober.send(lane, SECOND))
    far_end.sendto(answer_to(decode_sender(far_end.recv(512))), sender)
    helpers.await_rejection(prober)
    assert prober.rejected == {Rejection.DUPLICATE: 1, Rejection.LATE: 1}


@pytest.mark.parametrize("step_secs", [-30, -0.005, 0.005, 30])
def test_a_step_of_the_wall_clock_in_flight_does_not_show_in_the_time(
    stamp, reflect, helpers, step_secs
):
    clock, (_, port) = helpers.clock(), reflect().addresses[0]
    prober = stamp(clock)
    before = time.monotonic_ns()
    send(prober, WireTarget("127.0.0.1", port), 5 * SECOND)
    clock.step_ns = int(step_secs * SECOND)
    (reply,) = helpers.collect(prober, 1)
    assert 0 <= reply.rtt_ns <= time.monotonic_ns() - before
