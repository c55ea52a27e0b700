"""Probes under way are lost in time, once, and never in the place of another."""

from __future__ import annotations

from health.engine.outstanding import Outstanding, OutstandingProbes
from health.engine.path_monitor import PathMonitor
from tests.unit.health.engine.worlds import MS, SECOND, path_spec

PATH = PathMonitor(path_spec(), 0)


def probe(sent_ns: int, number: int = 0) -> Outstanding:
    return Outstanding(PATH, PATH.targets[0], number, sent_ns)


def test_a_probe_is_lost_at_its_timeout_and_not_before() -> None:
    under_way = OutstandingProbes()
    under_way.add("icmp", 1, probe(0), SECOND)
    assert list(under_way.timed_out(SECOND - 1)) == []
    assert under_way.next_timeout_ns() == SECOND
    assert [found[:2] for found in under_way.timed_out(SECOND)] == [("icmp", 1)]
    assert len(under_way) == 0
    assert under_way.next_timeout_ns() is None


def test_an_answered_probe_does_not_time_out() -> None:
    under_way = OutstandingProbes()
    answered = probe(0)
    under_way.add("icmp", 1, answered, SECOND)
    assert under_way.take("icmp", 1) is answered
    assert under_way.take("icmp", 1) is None
    assert list(under_way.timed_out(9 * SECOND)) == []


def test_an_id_used_again_does_not_time_out_in_the_place_of_the_first() -> None:
    under_way = OutstandingProbes()
    under_way.add("icmp", 1, probe(0), SECOND)
    under_way.take("icmp", 1)
    second = probe(900 * MS, number=7)
    under_way.add("icmp", 1, second, SECOND)
    assert list(under_way.timed_out(SECOND)) == []
    assert [found[2] for found in under_way.timed_out(1_900 * MS)] == [second]


def test_the_same_id_of_two_kinds_is_two_probes() -> None:
    under_way = OutstandingProbes()
    under_way.add("icmp", 1, probe(0), SECOND)
    under_way.add("stamp", 1, probe(0), SECOND)
    assert under_way.take("stamp", 1) is not None
    assert [found[0] for found in under_way.timed_out(SECOND)] == ["icmp"]


def test_a_short_timeout_does_not_wait_for_a_long_one() -> None:
    under_way = OutstandingProbes()
    under_way.add("icmp", 1, probe(0), 3 * SECOND)
    under_way.add("icmp", 2, probe(0), SECOND)
    assert under_way.next_timeout_ns() == SECOND
    assert [found[1] for found in under_way.timed_out(SECOND)] == [2]
    assert [found[1] for found in under_way.timed_out(3 * SECOND)] == [1]
