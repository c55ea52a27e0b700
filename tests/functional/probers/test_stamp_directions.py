"""What STAMP tells of each direction, over real sockets and real losses."""

from __future__ import annotations

import socket
import struct
import time

import pytest

from health.domain.directions import MIN_PROBES, DirectionWindow
from health.domain.measurement import Outcome, Rejection
from health.probers.base import WireTarget
from health.probers.stamp_packet import ReflectorPacket as Answer
from health.probers.stamp_packet import decode_sender, encode_reflector, ntp_timestamp

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
def lane(stamp, far_end):
    """A prober, its lane to the far end, and where its packets come from."""
    prober = stamp()
    lane = prober.prepare(WireTarget("127.0.0.1", far_end.getsockname()[1]))
    return prober, lane, ("127.0.0.1", lane.sock.getsockname()[1])


def run(prober, lane, window, probes: int, timeout: int = SECOND // 4) -> int:
    """Send that many probes, two milliseconds apart, and settle all; returns the lost ones."""
    under_way = {}
    for _ in range(probes):
        sent_ns = time.monotonic_ns()
        probe_id = prober.send(lane, timeout)
        window.sent(probe_id, sent_ns)
        under_way[probe_id] = sent_ns
        time.sleep(0.002)
        settle(prober, window, under_way)
    deadline = time.monotonic_ns() + timeout
    while under_way and time.monotonic_ns() < deadline:
        time.sleep(0.005)
        settle(prober, window, under_way)
    for probe_id in under_way:
        prober.forget(probe_id)
        window.lost(probe_id)
    return len(under_way)


def settle(prober, window, under_way) -> None:
    for reply in prober.receive():
        del under_way[reply.probe_id]
        window.answered(reply.probe_id, reply.directions)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("direction", ["loss_pct", "loss_back_pct"])
def test_the_loss_of_one_direction_is_not_seen_in_the_other(stamp, reflect, host, direction):
    prober = stamp()
    _, port = reflect(host=host, **{direction: 30}).addresses[0]
    lane = prober.prepare(WireTarget(host, port))
    window = DirectionWindow(60 * SECOND, 2 * MS, SECOND // 4)
    lost = run(prober, lane, window, 150)
    assert lost > 10
    metrics = window.metrics()
    there, back = metrics.forward_loss_pct, metrics.backward_loss_pct
    # Losses before the first and after the last answer have no direction.
    if direction == "loss_pct":
        assert (there, back) == (pytest.approx(100 * lost / 150, abs=6), 0)
    else:
        assert (there, back) == (0, pytest.approx(100 * lost / 150, abs=6))


def test_a_stateless_reflector_tells_no_direction_of_loss(stamp, reflect):
    prober, (_, port) = stamp(), reflect(stateless=True, loss_pct=30).addresses[0]
    window = DirectionWindow(60 * SECOND, 2 * MS, SECOND // 4)
    run(prober, prober.prepare(WireTarget("127.0.0.1", port)), window, 60)
    metrics = window.metrics()
    assert metrics[:2] == (None, None)
    assert metrics.forward_jitter_ms is not None


def test_two_sessions_over_one_socket_are_counted_apart(stamp, reflect):
    """More targets of one address than there are sockets: the session number tells them apart."""
    prober, (_, port) = stamp(), reflect().addresses[0]
    lanes = [prober.prepare(WireTarget("127.0.0.1", port)) for _ in range(9)]
    assert len({lane.sock for lane in lanes}) == 4
    windows = {lane: DirectionWindow(60 * SECOND, 2 * MS, SECOND) for lane in lanes}
    owner = {}
    for _ in range(MIN_PROBES + 5):
        for lane, window in windows.items():
            probe_id = prober.send(lane, SECOND)
            window.sent(probe_id, time.monotonic_ns())
            owner[probe_id] = window
        deadline = time.monotonic() + 3
        while owner and time.monotonic() < deadline:
            for reply in prober.receive():
                owner.pop(reply.probe_id).answered(reply.probe_id, reply.directions)
        assert not owner
    assert {window.metrics()[:2] for window in windows.values()} == {(0, 0)}


@pytest.mark.parametrize("clock_is_off_secs", [0, -86_400, 7])
def test_the_stamps_of_both_directions_add_up_to_the_round_trip(
    lane, far_end, helpers, clock_is_off_secs
):
    prober, wire, _ = lane
    prober.send(wire, 5 * SECOND)
    data, sender = far_end.recvfrom(512)
    packet = decode_sender(data)
    now = time.time_ns() + clock_is_off_secs * SECOND
    answer = Answer(
        77, ntp_timestamp(now), 1, 0, ntp_timestamp(now - 5_000),
        packet.sequence, packet.timestamp, packet.error_estimate, 64,
    )  # fmt: skip
    far_end.sendto(encode_reflector(answer), sender)
    (reply,) = helpers.collect(prober, 1)
    stamps = reply.directions
    assert (stamps.sequence, stamps.reflector_sequence) == (packet.sequence, 77)
    assert stamps.forward_ns + stamps.backward_ns == reply.rtt_ns
    assert stamps.forward_ns == pytest.approx(clock_is_off_secs * SECOND, abs=SECOND)


def test_a_reflector_without_a_clock_tells_nothing_of_directions(lane, far_end, helpers):
    prober, wire, _ = lane
    prober.send(wire, 5 * SECOND)
    data, sender = far_end.recvfrom(512)
    packet = decode_sender(data)
    answer = Answer(0, 0, 1, 0, 0, packet.sequence, packet.timestamp, 1, 64)
    far_end.sendto(encode_reflector(answer), sender)
    (reply,) = helpers.collect(prober, 1)
    assert (reply.outcome, reply.directions) == (Outcome.ANSWERED, None)


def test_a_reflector_of_twamp_light_is_measured_too(lane, far_end, helpers):
    """The bytes of RFC 5357 §4.2.1 made by hand: 41, the session number left out."""
    prober, wire, _ = lane
    for counted in range(3):
        prober.send(wire, 5 * SECOND)
        data, sender = far_end.recvfrom(512)
        assert len(data) >= 41  # room for an answer as long as the question
        now = ntp_timestamp(time.time_ns())
        answer = struct.pack("!IQHHQ", counted, now, 0x8A01, 0, now) + data[:14] + b"\0\0\xfe"
        assert len(answer) == 41
        far_end.sendto(answer, sender)
        (reply,) = helpers.collect(prober, 1)
        assert reply.outcome is Outcome.ANSWERED
        assert reply.directions.reflector_sequence == counted


def icmp_error(our: tuple[str, int], their: tuple[str, int]) -> bytes:
    """Host unreachable that quotes the IP header and 8 bytes, no more (RFC 792)."""
    addresses = socket.inet_aton(our[0]) + socket.inet_aton(their[0])
    inner = struct.pack("!BBHHHBBH", 0x45, 0, 72, 1, 0, 64, 17, 0) + addresses
    ports = struct.pack("!HHHH", our[1], their[1], 52, 0)
    body = bytes(4) + inner + ports
    total = sum(struct.unpack(f"!{len(body) // 2}H", body)) + 0x0301
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBH", 3, 1, ~total & 0xFFFF) + body


@pytest.mark.root
@pytest.mark.parametrize("under_way", [1, 2])
def test_an_error_that_quotes_only_the_ports_ends_a_probe_if_there_is_but_one(
    lane, far_end, raw_socket, helpers, under_way
):
    prober, wire, our = lane
    ids = [prober.send(wire, 5 * SECOND) for _ in range(under_way)]
    raw_socket.sendto(icmp_error(our, far_end.getsockname()), ("127.0.0.1", 0))
    if under_way == 1:
        (reply,) = helpers.collect(prober, 1)
        assert (reply.probe_id, reply.outcome) == (ids[0], Outcome.REFUSED)
        assert reply.detail == "Destination host unreachable from 127.0.0.1"
    else:
        assert helpers.await_rejection(prober) == []
        assert prober.rejected == {Rejection.CORRUPT: 1}


EXACT = """
import json, subprocess, sys, threading, time
from health.domain.directions import DirectionWindow
from health.probers.base import WireTarget
from health.probers.reflector import Reflector
from health.probers.reflector_config import Listener
from health.probers.stamp import StampProber

host = %r
reflector = Reflector([Listener(host, 0)])
port = reflector.addresses[0][1]
stop = threading.Event()
thread = threading.Thread(target=reflector.serve, args=(stop.is_set,), daemon=True)
thread.start()

def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)

def counters():
    listed = subprocess.run(["nft", "-j", "list", "counters"], check=True, capture_output=True)
    return [entry["counter"] for entry in json.loads(listed.stdout)["nftables"]
            if "counter" in entry]

nft('''table inet t { counter there {}; counter back {};
  chain c { type filter hook input priority 0; }; }''')
prober, window = StampProber(), DirectionWindow(60_000_000_000, 2_000_000, 500_000_000)
lane = prober.prepare(WireTarget(host, port))
open_probes = {}

def settle():
    for reply in prober.receive():
        del open_probes[reply.probe_id]
        window.answered(reply.probe_id, reply.directions)

def send(count):
    for _ in range(count):
        probe_id = prober.send(lane, 500_000_000)
        open_probes[probe_id] = 1
        window.sent(probe_id, time.monotonic_ns())
        time.sleep(0.002)
        settle()
    deadline = time.monotonic() + 0.5
    while open_probes and time.monotonic() < deadline:
        time.sleep(0.005)
        settle()
    lost = len(open_probes)
    for probe_id in open_probes:
        prober.forget(probe_id)
        window.lost(probe_id)
    open_probes.clear()
    return lost

send(5)
nft(f'''add rule inet t c udp dport {port} numgen random mod 100 < 20 counter name there drop
add rule inet t c udp sport {port} numgen random mod 100 < 10 counter name back drop''')
lost = send(300)
nft("flush chain inet t c")
lost += send(5)
stop.set()
thread.join()
dropped = {counter["name"]: counter["packets"] for counter in counters()}
forward, backward = window.metrics()[:2]
print(json.dumps([lost, dropped["there"], dropped["back"], forward * 310 / 100,
                  backward * 310 / 100]))
"""


@pytest.mark.root
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_loss_of_each_direction_is_exactly_what_the_kernel_dropped(namespace, host):
    lost, there, back, forward, backward = namespace(":", EXACT % host)
    assert there > 20
    assert back > 5
    assert lost == there + back
    assert (forward, backward) == (pytest.approx(there), pytest.approx(back))
