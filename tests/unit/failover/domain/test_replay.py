"""A replay lays recorded slots out second by second and asks the one judge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.recorded import RecordedSlot, seconds_of, view_of
from failover.domain.replay import exposure, replay
from failover.domain.situation import Direction
from failover.domain.state import Cause
from health.domain.status import PathStatus

UP = PathStatus.UP
FIBRE, LTE = 1, 2
POLICY = PolicySpec(
    1, "uid", "berlin", (MemberSpec(FIBRE, "fibre"), MemberSpec(LTE, "lte")), failback_delay_secs=60
)
BEGIN = 1_000_000


def good(timestamp: int) -> RecordedSlot:
    return RecordedSlot(timestamp, 20, 20, 20.0, 100.0, UP, 10, 10, ((20.0, 20),))


def dead(timestamp: int) -> RecordedSlot:
    return RecordedSlot(timestamp, 20, 0, None, 0.0, PathStatus.DOWN, 10, 0)


def lossy(timestamp: int) -> RecordedSlot:
    """30 % of the probes lost, the path answers all the time."""
    return RecordedSlot(timestamp, 20, 14, 20.0, 4.0, PathStatus.DOWN, 10, 10, ((20.0, 14),))


def history(minutes: int, kinds: dict[int, dict[range, object]]) -> dict:
    slots: dict[int, dict[int, RecordedSlot]] = {}
    for key, special in kinds.items():
        slots[key] = {}
        for number in range(minutes * 6):
            make = next((kind for span, kind in special.items() if number in span), good)
            if make is not None:
                timestamp = BEGIN + number * 10
                slots[key][timestamp] = make(timestamp)
    return slots


def run(minutes: int, kinds: dict[int, dict[range, object]], policy: PolicySpec = POLICY):
    past = history(minutes, kinds)
    return replay(policy, past, since=BEGIN, until=BEGIN + minutes * 60, active=FIBRE)


def test_a_quiet_day_has_no_switch_and_all_its_seconds_on_the_primary() -> None:
    done = run(24 * 60, {FIBRE: {}, LTE: {}})

    assert done.switches == ()
    assert done.exposure.secs_on == {FIBRE: 86_400}
    assert done.exposure.bad_secs == 0


def test_a_dead_primary_is_left_and_returned_to_after_its_delay() -> None:
    done = run(20, {FIBRE: {range(30, 36): dead}, LTE: {}})

    left, back = done.switches
    assert (left.direction, left.cause, left.to_key) == (Direction.FAILOVER, Cause.DEAD, LTE)
    assert BEGIN + 290 <= left.at <= BEGIN + 310
    assert (back.direction, back.to_key) == (Direction.FAILBACK, FIBRE)
    assert back.at - (BEGIN + 360) >= 60
    assert done.exposure.dead_secs <= 10


def test_a_brown_out_that_answers_is_left_on_evidence_although_no_slot_is_dead() -> None:
    done = run(20, {FIBRE: {range(30, 90): lossy}, LTE: {}})

    assert done.switches[0].cause is Cause.DEGRADED
    assert done.switches[0].at > BEGIN + 300


def test_other_thresholds_give_another_course_over_the_same_history() -> None:
    def slow(timestamp: int) -> RecordedSlot:
        return RecordedSlot(timestamp, 20, 20, 180.0, 72.6, PathStatus.DEGRADED, 10, 10,
                            ((180.0, 20),))  # fmt: skip

    kinds = {FIBRE: {range(30, 120): slow}, LTE: {}}
    strict = replace(POLICY, failover_threshold=75.0, failback_threshold=85.0)

    assert run(30, kinds).switches == ()
    assert run(30, kinds, strict).switches[0].cause is Cause.DEGRADED


def test_a_gap_in_the_history_is_unknown_and_moves_nothing() -> None:
    done = run(20, {FIBRE: {range(30, 60): None}, LTE: {}})

    assert done.switches == ()
    assert done.exposure.unmeasured_secs == 300
    assert done.exposure.bad_secs == 0


def test_a_path_in_maintenance_is_left_and_no_candidate() -> None:
    past = history(20, {FIBRE: {}, LTE: {}})
    span = {FIBRE: [(BEGIN + 300.0, BEGIN + 600.0)]}

    done = replay(POLICY, past, since=BEGIN, until=BEGIN + 1200, active=FIBRE, maintenance=span)

    assert done.switches[0].cause is Cause.MAINTENANCE
    assert BEGIN + 300 <= done.switches[0].at < BEGIN + 310


def test_what_happened_is_reckoned_by_the_same_rule() -> None:
    past = history(10, {FIBRE: {range(30, 36): dead}, LTE: {}})
    stayed = exposure(POLICY, past, [(BEGIN, FIBRE)], since=BEGIN, until=BEGIN + 600)
    moved = exposure(
        POLICY, past, [(BEGIN, FIBRE), (BEGIN + 305, LTE)], since=BEGIN, until=BEGIN + 600
    )

    assert (stayed.dead_secs, stayed.bad_secs) == (60, 60)
    assert (moved.dead_secs, moved.secs_on) == (5, {FIBRE: 305, LTE: 295})


def test_lost_probes_are_spread_over_the_slot() -> None:
    seconds = seconds_of(lossy(BEGIN), good(BEGIN - 10), good(BEGIN + 10))
    lost = [
        number for number, second in enumerate(seconds) for p in second.probes if p.rtt_ns is None
    ]

    assert len(lost) == 6
    assert len(set(lost)) >= 5
    assert sum(len(second.probes) for second in seconds) == 20


@pytest.mark.parametrize(
    ("before", "after", "silent_seconds"),
    [(good, dead, [7, 8, 9]), (dead, good, [0, 1, 2]), (good, good, [7, 8, 9])],
)
def test_an_outage_lies_at_the_edge_where_the_neighbour_has_it(
    before, after, silent_seconds
) -> None:
    slot = good(BEGIN)._replace(received=14, reachable_secs=7)
    seconds = seconds_of(slot, before(BEGIN - 10), after(BEGIN + 10))

    assert [n for n, second in enumerate(seconds) if second.reachable is False] == silent_seconds


def test_an_unknown_second_gives_no_view() -> None:
    slot = good(BEGIN)._replace(known_secs=4, reachable_secs=4)
    seconds = seconds_of(slot, None, good(BEGIN + 10))

    assert [second.reachable for second in seconds] == [None] * 6 + [True] * 4
    assert view_of(slot, seconds[0], settled=60).reachable is None


def test_a_slot_without_a_probe_has_none_in_any_second() -> None:
    empty = RecordedSlot(BEGIN, 0, 0, None, None, PathStatus.UNKNOWN, 0, 0)

    assert all(second.probes == () for second in seconds_of(empty, None, None))
