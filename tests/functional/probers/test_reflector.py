"""The session-reflector on real sockets: sessions, phases, limits, stopping."""

from __future__ import annotations

import os
import random
import socket
import threading
import time

import pytest

from health.probers.base import ProberError
from health.probers.reflector import Reflector
from health.probers.reflector_config import Impairment, Listener, Phase
from health.probers.rtt_clock import RttClock
from health.probers.stamp_packet import SenderPacket, decode_reflector, encode_sender

MS = 1_000_000


def client(reflector: Reflector, index: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(3)
    sock.connect(reflector.addresses[index])
    return sock


def ask(sock: socket.socket, sequence: int, session: int = 0, tail: bytes = b""):
    sock.send(encode_sender(SenderPacket(sequence, 1 << 63 | sequence, 0x1401, session)) + tail)
    return decode_reflector(sock.recv(2048))


def settled(reflector: Reflector, packets: int) -> None:
    """Wait until the reflector's thread has counted so many packets."""
    deadline = time.monotonic() + 5
    while reflector.answered + reflector.dropped < packets and time.monotonic() < deadline:
        time.sleep(0.005)


def test_an_answer_repeats_what_was_asked(reflect):
    with client(reflect()) as sock:
        answer = ask(sock, 4711, session=99)
    assert (answer.sender_sequence, answer.sender_timestamp) == (4711, 1 << 63 | 4711)
    assert (answer.sender_error_estimate, answer.session) == (0x1401, 99)
    assert answer.sender_ttl == 64
    assert answer.error_estimate & 0xFF
    assert 0 <= answer.dwell_ns < 10**9


def test_each_session_counts_its_own_answers(reflect):
    reflector = reflect()
    with client(reflector) as one, client(reflector) as other:
        assert [ask(one, i).sequence for i in (5, 6, 9)] == [0, 1, 2]
        assert ask(other, 100).sequence == 0
        assert ask(one, 10, session=7).sequence == 0
        assert ask(one, 11).sequence == 3


@pytest.mark.parametrize("length", [41, 43, 44, 60, 1200])
def test_the_answer_is_exactly_as_long_as_the_question(reflect, length):
    with client(reflect()) as sock:
        sock.send((encode_sender(SenderPacket(1, 2)) + bytes(2000))[:length])
        assert len(sock.recv(4096)) == length


def test_the_answer_is_never_longer_than_the_question(reflect):
    """Or a forged sender address would turn the reflector into a weapon."""
    reflector = reflect()
    with client(reflector) as sock:
        for length in range(41):
            sock.send(bytes(length))
        assert ask(sock, 1).sender_sequence == 1
    settled(reflector, 42)
    assert (reflector.answered, reflector.dropped) == (1, 41)


def test_tlvs_come_back_each_marked_as_understood_or_not(reflect):
    padding = bytes.fromhex("80 01 0004 deadbeef")
    unknown = bytes.fromhex("80 f7 0002 cafe")
    with client(reflect()) as sock:
        sock.send(encode_sender(SenderPacket(1, 2, session=3)) + padding + unknown)
        tail = sock.recv(2048)[44:]
    assert tail == bytes.fromhex("00 01 0004 deadbeef 80 f7 0002 cafe")


def test_a_sender_of_twamp_light_is_answered_in_one_session_whatever_its_padding(reflect):
    with client(reflect()) as sock:
        for number in range(3):
            question = bytes.fromhex(f"{number:08x} e5a1b2c3d4e5f607 2a01") + os.urandom(86)
            sock.send(question)
            answer = sock.recv(2048)
            assert len(answer) == len(question)
            assert answer[:4] == answer[24:28] == number.to_bytes(4, "big")
            assert answer[14:16] == bytes(2)
            assert answer[44:] == question[44:]


def test_a_stateless_reflector_repeats_the_numbers_of_its_senders(reflect):
    with client(reflect(stateless=True)) as sock:
        assert [ask(sock, i).sequence for i in (5, 6, 9)] == [5, 6, 9]


def test_a_probe_lost_on_the_way_there_is_not_counted_and_one_on_the_way_back_is(reflect):
    """Every packet is lost, so the next one tells how many were counted."""
    for impairment, counted in (({"loss_pct": 100}, 0), ({"loss_back_pct": 100}, 5)):
        reflector = reflect(phases=(Phase(50, **impairment), Phase(50)))
        with client(reflector) as sock:
            for i in range(5):
                sock.send(encode_sender(SenderPacket(i, 1)))
            settled(reflector, 5)
            reflector.clock_offset[0] = 75 * 10**9
            assert ask(sock, 5).sequence == counted


def test_a_source_that_asks_too_much_is_not_answered_for_the_rest_of_the_second(reflect):
    reflector = reflect(max_pps_per_source=10)
    with client(reflector) as sock:
        for i in range(100):
            sock.send(encode_sender(SenderPacket(i, 1)))
        settled(reflector, 100)
        assert reflector.answered in (10, 20)  # a second may end in between


@pytest.mark.parametrize(
    ("host", "family", "level", "option", "received"),
    [
        ("127.0.0.1", socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS, socket.IP_RECVTOS),
        (
            "::1", socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS,
            socket.IPV6_RECVTCLASS,
        ),
    ],
)  # fmt: skip
def test_the_answer_has_the_dscp_of_the_question_and_no_congestion_bits(
    reflect, host, family, level, option, received
):
    address = reflect(host=host).addresses[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.setsockopt(level, received, 1)
        for octet, expected in ((46 << 2 | 2, 46 << 2), (0, 0)):
            sock.setsockopt(level, option, octet)
            sock.sendto(encode_sender(SenderPacket(1, 2)), address)
            _, ancillary, _, _ = sock.recvmsg(512, 256)
            (data,) = [data for at, kind, data in ancillary if (at, kind) == (level, option)]
            assert data[0] == expected


def test_a_sender_that_is_gone_does_not_disturb_the_others(reflect):
    reflector = reflect(delay_ms=20)
    for _ in range(5):
        with client(reflector) as sock:
            sock.send(encode_sender(SenderPacket(1, 2)))
    with client(reflector) as sock:
        assert all(ask(sock, i).sender_sequence == i for i in range(5))


def test_one_loop_serves_many_listeners_each_with_its_own_impairment(reflect):
    listeners = [Listener(port=0), Listener(port=0, impairment=Impairment(loss_pct=100))]
    stopping = threading.Event()
    reflector = Reflector(listeners)
    thread = threading.Thread(target=reflector.serve, args=(stopping.is_set,))
    thread.start()
    try:
        with client(reflector, 1) as deaf, client(reflector, 0) as good:
            deaf.settimeout(0.1)
            with pytest.raises(TimeoutError):
                ask(deaf, 1)
            assert ask(good, 1).sender_sequence == 1
    finally:
        stopping.set()
        thread.join()
        reflector.close()


def test_the_cycle_follows_the_monotonic_clock(reflect):
    """Phases of 100 s pass by moving the injected clock, not by waiting."""
    offset = [0]
    clock = RttClock(monotonic_ns=lambda: time.monotonic_ns() + offset[0])
    cycle = (Phase(100, loss_pct=0), Phase(100, loss_pct=100))
    reflector = Reflector([Listener(port=0, cycle=cycle)], random.Random(1), clock)
    stopping = threading.Event()
    thread = threading.Thread(target=reflector.serve, args=(stopping.is_set,))
    thread.start()
    try:
        with client(reflector) as sock:
            assert ask(sock, 1).sender_sequence == 1
            offset[0] = 150 * 10**9
            sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                ask(sock, 2)
            offset[0] = 250 * 10**9
            sock.settimeout(3)
            assert ask(sock, 3).sender_sequence == 3
    finally:
        stopping.set()
        thread.join()
        reflector.close()


def test_the_same_seed_loses_the_same_packets(reflect):
    def answered_of(seed: int) -> list[int]:
        reflector = reflect(loss_pct=50, seed=seed)
        with client(reflector) as sock:
            for i in range(40):
                sock.send(encode_sender(SenderPacket(i, i)))
            settled(reflector, 40)
            return [
                decode_reflector(sock.recv(100)).sender_sequence for _ in range(reflector.answered)
            ]

    first = answered_of(7)
    assert first == answered_of(7)
    assert first != answered_of(8)
    assert 5 < len(first) < 35


def test_the_held_answer_is_late_by_the_delay_but_its_dwell_is_not(reflect):
    with client(reflect(delay_ms=60)) as sock:
        started = time.monotonic_ns()
        answer = ask(sock, 1)
        waited_ns = time.monotonic_ns() - started
    assert waited_ns >= 59 * MS
    assert waited_ns - answer.dwell_ns >= 59 * MS


def test_the_reflector_ends_soon_after_it_is_told_to(reflect):
    reflector = Reflector([Listener(port=0)])
    stopping = threading.Event()
    thread = threading.Thread(target=reflector.serve, args=(stopping.is_set,))
    thread.start()
    with client(reflector) as sock:
        ask(sock, 1)
    stopping.set()
    thread.join(timeout=5)
    assert not thread.is_alive()
    reflector.close()
    reflector.close()


@pytest.mark.parametrize(
    ("host", "words"),
    [("192.0.2.77", "not an address of this host"), ("no name", "not a literal IP address")],
)
def test_an_address_that_cannot_be_bound_is_named(host, words):
    with pytest.raises(ProberError, match=words):
        Reflector([Listener(host, 0)])


def test_a_busy_port_is_named_and_the_other_listeners_are_closed_again(reflect):
    _, port = reflect().addresses[0]
    with pytest.raises(ProberError, match=f"127.0.0.1 port {port} is in use"):
        Reflector([Listener(port=0), Listener(port=port)])
