"""ICMP echo on the real loopback interface, through the raw socket."""

from __future__ import annotations

import os
import time

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import SendError, WireTarget

SECOND = 1_000_000_000
HERE = WireTarget("127.0.0.1")


def test_a_probe_to_loopback_is_answered_with_its_own_id_and_a_plausible_time(icmp, helpers):
    prober = icmp()
    before = time.monotonic_ns()
    probe_id = prober.send(HERE, SECOND)
    (reply,) = helpers.collect(prober, 1)
    assert (reply.probe_id, reply.outcome, reply.detail) == (probe_id, Outcome.ANSWERED, "")
    assert 0 <= reply.rtt_ns <= time.monotonic_ns() - before + 1_000_000
    assert prober.mode == "raw"


def test_many_targets_share_one_socket_and_each_answer_finds_its_probe(icmp, helpers):
    prober = icmp()
    targets = [WireTarget(f"127.0.{i // 200}.{2 + i % 200}") for i in range(1000)]
    ids = []
    replies = []
    for i, target in enumerate(targets):
        ids.append(prober.send(target, SECOND))
        if i % 64 == 63:
            replies += prober.receive()
    replies += helpers.collect(prober, 1000 - len(replies))
    assert sorted(reply.probe_id for reply in replies) == sorted(ids)
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert len(prober.sockets()) == 1
    assert not prober.rejected


def test_receiving_without_traffic_returns_at_once(icmp):
    assert icmp().receive() == []


def test_two_probers_at_once_never_take_each_other_s_answers(icmp, helpers):
    one, other = icmp(), icmp()
    ids = [(one.send(HERE, SECOND), other.send(HERE, SECOND)) for _ in range(50)]
    replies, others = helpers.collect(one, 50), helpers.collect(other, 50)
    assert [reply.probe_id for reply in replies] == [first for first, _ in ids]
    assert [reply.probe_id for reply in others] == [second for _, second in ids]


def test_source_interface_mark_and_dscp_travel_with_the_packet(icmp, helpers, raw_socket):
    prober = icmp()
    target = WireTarget("127.0.0.7", source="127.0.0.9", interface="lo", fwmark=66, dscp=46)
    raw_socket.settimeout(3)
    prober.send(target, SECOND)
    (reply,) = helpers.collect(prober, 1)
    assert reply.outcome is Outcome.ANSWERED
    header = next(packet for packet in iter_packets(raw_socket) if packet[16:20] == b"\x7f\0\0\7")
    assert header[12:16] == bytes([127, 0, 0, 9])
    assert header[1] == 46 << 2


def iter_packets(sock):
    for _ in range(1000):
        yield sock.recv(2048)


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        (WireTarget("127.0.0.1", interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("127.0.0.1", source="192.0.2.77"), Outcome.MISCONFIGURED, "192.0.2.77"),
        (WireTarget("::1"), Outcome.MISCONFIGURED, "literal IPv4"),
        (WireTarget("router.example"), Outcome.MISCONFIGURED, "literal IPv4"),
        (WireTarget("127.0.0.1", source="::1"), Outcome.MISCONFIGURED, "'::1'"),
    ],
)
def test_a_probe_that_cannot_leave_says_whose_fault_it_is(icmp, target, outcome, words):
    with pytest.raises(SendError, match=words) as refusal:
        icmp().send(target, SECOND)
    assert refusal.value.outcome is outcome


def test_a_failed_send_does_not_use_up_its_slot(icmp, helpers):
    prober = icmp()
    for _ in range(100):
        with pytest.raises(SendError):
            prober.send(WireTarget("127.0.0.1", source="192.0.2.77"), SECOND)
    probe_id = prober.send(HERE, SECOND)
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


@pytest.mark.parametrize("step_secs", [-30, -0.005, 0.005, 30])
def test_a_step_of_the_wall_clock_in_flight_does_not_show_in_the_time(icmp, helpers, step_secs):
    clock = helpers.clock()
    prober = icmp(clock)
    before = time.monotonic_ns()
    prober.send(HERE, SECOND)
    clock.step_ns = int(step_secs * SECOND)
    (reply,) = helpers.collect(prober, 1)
    assert reply.outcome is Outcome.ANSWERED
    assert 0 <= reply.rtt_ns <= time.monotonic_ns() - before


def test_an_answer_after_the_probe_was_given_up_is_late(icmp, helpers):
    prober = icmp()
    prober.forget(prober.send(HERE, SECOND))
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.LATE: 1}


def test_an_answer_slower_than_the_timeout_is_late_however_early_it_is_read(icmp, helpers):
    prober = icmp()
    prober.send(HERE, timeout_ns=1)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.LATE: 1}


def test_the_identifier_of_a_prober_is_random(icmp):
    identifiers = {icmp()._v4._identifier for _ in range(20)}
    assert len(identifiers) > 15
    assert identifiers != {(os.getpid() + i) & 0xFFFF for i in range(20)}


def test_more_targets_than_are_kept_prepared_still_work(icmp, helpers, monkeypatch):
    monkeypatch.setattr("health.probers.icmp.MAX_PREPARED_TARGETS", 10)
    prober = icmp()
    for i in range(30):
        prober.send(WireTarget(f"127.0.0.{2 + i}"), SECOND)
    assert len(helpers.collect(prober, 30)) == 30
    assert len(prober._wires) <= 10


def test_closing_twice_is_harmless(icmp):
    prober = icmp()
    prober.close()
    prober.close()
