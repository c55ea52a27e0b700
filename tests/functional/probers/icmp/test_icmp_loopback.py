"""ICMP echo on a real loopback interface: both families, raw and unprivileged sockets."""

from __future__ import annotations

import os
import statistics
import time

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import SendError, WireTarget
from health.probers.icmp_identifiers import RANDOM_MASK
from health.probers.rtt_clock import RttClock

pytestmark = pytest.mark.root

SECOND = 1_000_000_000


def test_a_probe_is_answered_with_its_own_id_and_a_plausible_time(echo, helpers):
    prober = echo.make()
    before = time.monotonic_ns()
    probe_id = helpers.send(prober, echo.target())
    (reply,) = helpers.collect(prober, 1)
    assert (reply.probe_id, reply.outcome, reply.detail) == (probe_id, Outcome.ANSWERED, "")
    assert 0 <= reply.rtt_ns <= time.monotonic_ns() - before


def test_many_targets_share_one_socket_and_each_answer_finds_its_probe(echo, helpers):
    prober = echo.make()
    lanes = [prober.prepare(echo.target(n)) for n in range(1000)]
    ids = []
    replies = []
    for number, lane in enumerate(lanes):
        ids.append(prober.send(lane, 5 * SECOND))
        if number % 64 == 63:
            replies += prober.receive()
    replies += helpers.collect(prober, 1000 - len(replies))
    assert sorted(reply.probe_id for reply in replies) == sorted(ids)
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert not prober.rejected


def test_no_socket_need_wake_the_engine(echo):
    assert echo.make().sockets() == ()


def test_answers_wait_in_the_socket_with_the_time_of_their_arrival(echo, helpers):
    prober = echo.make()
    for number in range(1000):
        helpers.send(prober, echo.target(number))
    time.sleep(0.3)  # the engine was held up
    replies = helpers.collect(prober, 1000)
    assert len(replies) == 1000
    assert statistics.median(reply.rtt_ns for reply in replies) < 0.3 * SECOND


def test_receiving_without_traffic_returns_at_once(echo):
    assert echo.make().receive() == []


def test_two_probers_at_once_never_take_each_other_s_answers(echo, helpers):
    one, other = echo.make(), echo.make()
    target = echo.target()
    ids = [(helpers.send(one, target), helpers.send(other, target)) for _ in range(50)]
    replies, others = helpers.collect(one, 50), helpers.collect(other, 50)
    assert [reply.probe_id for reply in replies] == [first for first, _ in ids]
    assert [reply.probe_id for reply in others] == [second for _, second in ids]


def test_both_families_share_the_ids_of_one_prober(own_net, mode, make_prober, helpers):
    prober = make_prober(mode)
    ids = [
        helpers.send(prober, WireTarget(address))
        for _ in range(20)
        for address in ("127.0.0.3", "fd77::3")
    ]
    assert len(set(ids)) == 40
    assert sorted(reply.probe_id for reply in helpers.collect(prober, 40)) == ids


def test_an_address_may_be_written_in_any_way(own_net, mode, make_prober, helpers):
    prober = make_prober(mode)
    probe_id = helpers.send(prober, WireTarget("FD77:0:0::0003"))
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


def test_a_failed_send_does_not_use_up_its_slot(echo, helpers):
    prober = echo.make()
    absent = {"IPv4": "192.0.2.7", "IPv6": "2001:db8::7"}[echo.family]
    for _ in range(100):
        with pytest.raises(SendError, match="source") as refusal:
            helpers.send(prober, echo.target(source=absent))
        assert refusal.value.outcome is Outcome.MISCONFIGURED
    probe_id = helpers.send(prober, echo.target())
    assert [reply.probe_id for reply in helpers.collect(prober, 1)] == [probe_id]


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        (WireTarget("127.0.0.1", interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("::1", interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("fe80::1%nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("fe80::1"), Outcome.MISCONFIGURED, "needs its link"),
        (WireTarget("router.example"), Outcome.MISCONFIGURED, "literal IPv4"),
        (WireTarget("::1::"), Outcome.MISCONFIGURED, "literal IPv6"),
        (WireTarget("127.0.0.1", source="::1"), Outcome.MISCONFIGURED, "'::1'"),
        (WireTarget("::1", source="127.0.0.1"), Outcome.MISCONFIGURED, "'127.0.0.1'"),
    ],
)
def test_a_target_that_cannot_be_probed_says_why_when_it_is_prepared(
    own_net, make_prober, target, outcome, words
):
    with pytest.raises(SendError, match=words) as refusal:
        make_prober().prepare(target)
    assert refusal.value.outcome is outcome


@pytest.mark.parametrize("step_secs", [-30, -0.005, 0.005, 30])
def test_a_step_of_the_wall_clock_in_flight_does_not_show_in_the_time(echo, helpers, step_secs):
    step_ns = 0
    prober = echo.make(RttClock(lambda: time.time_ns() + step_ns))
    before = time.monotonic_ns()
    helpers.send(prober, echo.target())
    step_ns = int(step_secs * SECOND)
    (reply,) = helpers.collect(prober, 1)
    assert reply.outcome is Outcome.ANSWERED
    assert 0 <= reply.rtt_ns <= time.monotonic_ns() - before


def test_an_answer_after_the_probe_was_given_up_is_late(echo, helpers):
    prober = echo.make()
    prober.forget(helpers.send(prober, echo.target()))
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.LATE: 1}


def test_an_answer_slower_than_the_timeout_is_late_however_early_it_is_read(echo, helpers):
    prober = echo.make()
    helpers.send(prober, echo.target(), timeout_ns=1)
    assert helpers.await_rejection(prober) == []
    assert prober.rejected == {Rejection.LATE: 1}


def test_no_slot_is_used_again_while_its_probe_is_outstanding(own_net, make_prober, helpers):
    helpers.run(
        "nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }"
    )
    helpers.run("nft", "add rule inet t in ip daddr 127.0.9.9 drop")
    prober = make_prober()
    silent = helpers.send(prober, WireTarget("127.0.9.9"), timeout_ns=600 * SECOND)
    lane = prober.prepare(WireTarget("127.0.0.1"))
    sequences = set()
    for number in range(66_000):  # more than there are slots
        sequences.add(prober.send(lane, 5 * SECOND) & 0xFFFF)
        if number % 64 == 63:
            prober.receive()
    assert silent & 0xFFFF not in sequences
    assert len(sequences) == 0xFFFF


def test_the_identifier_of_a_prober_is_random(own_net, make_prober):
    target = WireTarget("127.0.0.1")
    identifiers = {make_prober().prepare(target).identifier for _ in range(20)}
    assert len(identifiers) > 15
    assert identifiers != {(os.getpid() + i) & 0xFFFF for i in range(20)}
    assert len({identifier & RANDOM_MASK for identifier in identifiers}) > 15


def test_closing_twice_is_harmless(echo):
    prober = echo.make()
    prober.close()
    prober.close()
