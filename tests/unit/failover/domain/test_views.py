"""How a reading of health becomes the view that a decision may use."""

from __future__ import annotations

import pytest

from failover.domain.evidence import NONE
from failover.domain.views import NO_VIEW, from_reading, in_policy
from health.domain.reading import PathReading
from health.domain.status import PathStatus, Reason

SECOND = 1_000_000_000
NOW = 100 * SECOND

READING = PathReading(
    key=1,
    at_ns=NOW,
    status=PathStatus.UP,
    reason=Reason.NONE,
    detail="",
    reachable=True,
    score=93.0,
    latency_ms=20.0,
    min_latency_ms=19.0,
    max_latency_ms=25.0,
    packet_loss_pct=0.0,
    jitter_ms=1.0,
    mos=4.3,
    sent=120,
    received=120,
    settled=120,
    answers_in_a_row=40,
    loss_run=0,
    interval_ns=SECOND // 2,
    checked_ns=NOW,
    answered_ns=NOW,
    since_ns=0,
)


def test_a_good_reading_is_seen_as_it_is() -> None:
    view = from_reading(READING, now_ns=NOW)
    assert view[:8] == (PathStatus.UP, True, 93.0, 120, 40, 0, True, 20.0)
    assert (view.in_maintenance, view.enabled, view.in_schedule) == (False, True, True)


def test_without_a_reading_the_member_is_warming_up() -> None:
    assert from_reading(None, now_ns=NOW) == NO_VIEW


def test_use_flags_reach_every_kind_of_view() -> None:
    stale = READING._replace(checked_ns=0)
    for reading in (None, READING, stale):
        view = from_reading(
            reading, now_ns=NOW, in_maintenance=True, enabled=False, in_schedule=False
        )
        assert (view.in_maintenance, view.enabled, view.in_schedule) == (True, False, False)


@pytest.mark.parametrize(
    ("interval", "age", "known"),
    [
        (SECOND // 2, 5 * SECOND, True),
        (SECOND // 2, 5 * SECOND + 1, False),
        (10 * SECOND, 30 * SECOND, True),
        (10 * SECOND, 30 * SECOND + 1, False),
    ],
)
def test_a_path_unchecked_for_three_intervals_or_five_seconds_is_unknown(
    interval: int, age: int, known: bool
) -> None:
    reading = READING._replace(interval_ns=interval, checked_ns=NOW - age)
    view = from_reading(reading, now_ns=NOW)
    assert (view.status is not PathStatus.UNKNOWN) is known
    assert (view.reason is Reason.STALE) is not known


def test_a_stale_dead_path_is_not_dead_but_unknown() -> None:
    reading = READING._replace(
        status=PathStatus.DOWN, reachable=False, score=0.0, checked_ns=NOW - 6 * SECOND
    )
    view = from_reading(reading, now_ns=NOW)
    assert (view.reachable, view.score, view.loss_run) == (None, None, 0)


def test_a_path_never_checked_warms_up_as_long_as_the_monitor_judges_it() -> None:
    reading = READING._replace(
        status=PathStatus.UNKNOWN,
        reason=Reason.WARMING_UP,
        checked_ns=None,
        answered_ns=None,
        score=None,
        reachable=None,
    )
    assert from_reading(reading, now_ns=NOW).reason is Reason.WARMING_UP
    assert from_reading(reading, now_ns=NOW + 6 * SECOND).reason is Reason.STALE


@pytest.mark.parametrize("reason", [Reason.MISCONFIGURED, Reason.PERMISSION, Reason.OWN_FAULT])
def test_own_faults_say_nothing_about_the_path(reason: Reason) -> None:
    reading = READING._replace(reason=reason, reachable=False, checked_ns=None)
    view = from_reading(reading, now_ns=NOW + 60 * SECOND)
    assert (view.status, view.reachable, view.reason) == (PathStatus.UNKNOWN, None, reason)


@pytest.mark.parametrize(
    ("age", "loss_run", "fresh"),
    [(SECOND, 0, True), (SECOND + 1, 0, False), (0, 1, False)],
)
def test_fresh_means_answered_within_two_intervals_and_nothing_lost_since(
    age: int, loss_run: int, fresh: bool
) -> None:
    reading = READING._replace(answered_ns=NOW - age, loss_run=loss_run)
    assert from_reading(reading, now_ns=NOW).fresh is fresh


def test_a_path_that_never_answered_is_not_fresh() -> None:
    assert from_reading(READING._replace(answered_ns=None), now_ns=NOW).fresh is False


def test_a_path_that_is_being_asked_is_not_fresh_before_it_has_answered() -> None:
    assert from_reading(READING, now_ns=NOW).fresh
    assert not from_reading(READING._replace(in_doubt=True), now_ns=NOW).fresh


def test_a_policy_sees_a_path_with_its_own_evidence_schedule_cost_and_load() -> None:
    proven = NONE._replace(value=True, strength=12.5)
    seen = from_reading(READING, now_ns=NOW, in_maintenance=True)
    view = in_policy(seen, proven, 41.0, in_schedule=False, cost=7.0, utilisation_pct=80.0)
    assert view[:11] == seen[:11]
    assert (view.evidence, view.recent_score) == (proven, 41.0)
    assert (view.in_schedule, view.cost, view.utilisation_pct) == (False, 7.0, 80.0)


def test_a_path_that_does_not_answer_has_no_recent_score() -> None:
    dead = from_reading(READING._replace(reachable=False), now_ns=NOW)
    assert in_policy(dead, NONE, 41.0).recent_score is None
