"""Sequential evidence: what degrades a path, how soon, and what never does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from failover.domain.evidence import NONE, TOO_LITTLE, PathEvidence, is_degraded
from failover.domain.target_evidence import EvidenceSettings, allowance
from failover.domain.views import MemberView
from health.domain.path_spec import SlaLimits
from health.domain.reading import Settled, TargetProbes
from health.domain.scoring import health_score
from tests.unit.failover.domain.evidence_probes import (
    BALANCED,
    GOOD_NS,
    LOST,
    MS,
    SECOND_NS,
    Line,
    one_in,
)
from tests.unit.failover.domain.worlds import BAD, DEAD, UNKNOWN


def line(settings: EvidenceSettings = BALANCED, targets: tuple[int, ...] = (1,)) -> Line:
    return Line(PathEvidence(settings), targets)


# --- what a target may do ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("latency_ms", "jitter_ms"), [(20.0, 1.0), (150.0, 4.0), (150.0, 20.0), (20.0, 15.0)]
)
def test_at_theta_the_score_meets_the_threshold(latency_ms: float, jitter_ms: float) -> None:
    theta_pct = allowance(BALANCED, latency_ms, jitter_ms).theta_pct
    assert health_score(latency_ms, theta_pct, jitter_ms, SlaLimits()) == pytest.approx(50.0)


def test_theta_of_a_clean_path_with_the_defaults_is_5_466_percent() -> None:
    assert allowance(BALANCED, 20.0, 1.0).theta_pct == pytest.approx(5.466, abs=0.0005)


def test_the_slowest_good_probe_would_alone_meet_the_threshold() -> None:
    slowest_ms = allowance(BALANCED, 20.0, 20.0).slowest_ns / MS
    assert health_score(slowest_ms, 0.0, 20.0, SlaLimits()) == pytest.approx(50.0)


def test_unknown_jitter_drops_its_weight_as_in_the_score() -> None:
    theta_pct = allowance(BALANCED, 20.0, None).theta_pct
    assert health_score(20.0, theta_pct, None, SlaLimits()) == pytest.approx(50.0)


def test_a_metric_without_weight_allows_anything() -> None:
    limits = SlaLimits(packet_loss_weight=0.0, latency_weight=0.8)
    assert allowance(replace(BALANCED, limits=limits), 20.0, 1.0).theta_pct == 100.0


# --- verdicts ------------------------------------------------------------------------------
def test_a_clean_line_collects_nothing() -> None:
    path = line()
    assert path.run(120) is None
    verdict = path.evidence.verdict()
    assert verdict[:3] == (False, NONE.sentence, 0.0)
    assert verdict.theta_pct == pytest.approx(5.466, abs=0.0005)


def test_loss_below_theta_is_never_evidence() -> None:
    path = line()
    assert path.run(3600, one_in(25)) is None


def test_loss_above_theta_is_evidence_and_the_sentence_says_how_strong() -> None:
    path = line()
    path.run(30)
    path.run(8, one_in(4))
    verdict = path.evidence.verdict()
    assert verdict.sentence == f"evidence {verdict.strength:.1f} of 12 that loss exceeds 5.5 %"
    assert 0.0 < verdict.strength < 12.0
    assert path.run(60, one_in(4)) is not None


def test_the_more_is_lost_the_sooner_it_is_known() -> None:
    seconds: list[int] = []
    for count in (2, 3, 5):
        path = line()
        path.run(30)
        after = path.run(600, one_in(count))
        assert after is not None
        seconds.append(after)
    assert seconds == sorted(seconds)
    assert seconds[0] < seconds[-1]


def test_evidence_needs_thirty_probes_of_the_window() -> None:
    path = line()
    assert path.run(14, one_in(2)) is None
    assert path.evidence.verdict().sentence == TOO_LITTLE.sentence
    assert path.run(1, one_in(2)) == 1


def test_one_burst_of_losses_is_not_evidence_however_long_it_is() -> None:
    fast = replace(BALANCED, interval_ns=50 * MS)
    path = line(fast)
    path.run(30)
    assert path.run(7, lambda number: LOST) is None
    sentence = path.evidence.verdict().sentence
    assert sentence.endswith(", but only in 7 of 8 seconds")


def test_a_profile_may_ask_for_more_bad_seconds() -> None:
    eight, ten = line(), line(replace(BALANCED, bad_secs_needed=10))
    eight.run(30)
    ten.run(30)
    assert eight.run(60, lambda number: LOST) == 8
    assert ten.run(60, lambda number: LOST) == 10


def test_probes_count_for_the_second_in_which_they_were_sent() -> None:
    evidence = PathEvidence(replace(BALANCED, bad_secs_needed=2))
    Line(evidence).run(30)
    late = [Settled(2000 * SECOND_NS + index, LOST) for index in range(20)]
    for _ in range(3):
        evidence.observe([TargetProbes(1, late)], 2010 * SECOND_NS)
    verdict = evidence.verdict()
    assert (verdict.value, verdict.bad_secs) == (False, 1)


def test_a_step_of_the_round_trip_time_is_evidence_without_any_loss() -> None:
    path = line()
    path.run(30)
    assert path.run(60, lambda number: 420 * MS) is not None
    assert "slower than" in path.evidence.verdict().sentence


def test_jitter_alone_is_evidence_and_is_named() -> None:
    path = line()
    path.run(30)
    assert path.run(60, lambda number: (20 + 120 * (number % 2)) * MS) is not None
    assert "jitter keeps the score below 50" in path.evidence.verdict().sentence


def test_a_reroute_within_the_threshold_is_no_evidence() -> None:
    path = line()
    path.run(30)
    assert path.run(600, lambda number: 150 * MS) is None


# --- several targets -------------------------------------------------------------------------
def test_a_path_is_degraded_when_fewer_than_the_quorum_are_clean() -> None:
    three = replace(BALANCED, quorum=2)
    one_bad, two_bad = line(three, (1, 2, 3)), line(three, (1, 2, 3))
    for path in (one_bad, two_bad):
        path.run(30)
    assert one_bad.run(120, one_in(2), only=(3,)) is None
    assert two_bad.run(120, one_in(2), only=(1, 3)) is not None


def test_a_blamed_target_does_not_count() -> None:
    path = line(replace(BALANCED, quorum=2), (1, 2))
    path.run(30)
    assert path.run(60, one_in(2), only=(1,), blamed=(1,)) is None
    assert path.run(1, one_in(2), only=(1,)) == 1


def test_a_target_that_is_named_no_more_counts_no_more() -> None:
    path = line(replace(BALANCED, quorum=2), (1, 2))
    path.run(60, one_in(2), only=(1,))
    assert path.evidence.verdict().value
    path.targets = (2,)
    path.run(1)
    assert not path.evidence.verdict().value


def test_without_probes_there_is_no_evidence_and_no_score() -> None:
    evidence = PathEvidence(BALANCED)
    evidence.observe([], SECOND_NS)
    assert evidence.verdict() == NONE
    assert evidence.recent_score() is None


# --- beginnings and ends ---------------------------------------------------------------------
def test_a_restarted_window_begins_with_nothing_held_against_it() -> None:
    path = line()
    path.run(60, one_in(2))
    assert path.evidence.verdict().value
    path.run(1, restarted=True)
    assert path.evidence.verdict().sentence == TOO_LITTLE.sentence


def test_a_switch_forgets_the_sums_but_not_the_recent_past() -> None:
    path = line()
    path.run(60, one_in(2))
    before = path.evidence.recent_score()
    path.evidence.reset()
    assert path.evidence.verdict().strength == 0.0
    assert path.evidence.recent_score() == before


def test_an_edit_of_the_threshold_judges_anew_with_the_recent_past_kept() -> None:
    path = line()
    path.run(60, one_in(2))
    path.evidence.change(replace(BALANCED, failover_threshold=20.0))
    assert path.evidence.verdict().strength == 0.0
    path.run(1, one_in(2))
    assert path.evidence.verdict().theta_pct == pytest.approx(10.05, abs=0.01)
    assert path.run(60, one_in(2)) is not None


def test_what_lasted_for_hours_is_not_held_against_a_healed_path_for_hours() -> None:
    path = line()
    path.run(7200, one_in(2))
    path.run(60)
    assert not path.evidence.verdict().value


def test_a_successor_goes_on_where_the_record_was_taken() -> None:
    first, second = line(), line()
    for path in (first, second):
        path.run(30)
    first.run(6, one_in(3))
    second.evidence.restore(json.loads(json.dumps(first.evidence.record())))
    second.second = first.second
    assert second.evidence.verdict() == first.evidence.verdict()
    assert second.evidence.recent_score() == first.evidence.recent_score()
    assert second.run(60, one_in(3)) == first.run(60, one_in(3))
    assert second.evidence.verdict() == first.evidence.verdict()


# --- the recent score ------------------------------------------------------------------------
def test_the_recent_score_is_that_of_the_last_ten_seconds() -> None:
    path = line()
    path.run(120, lambda number: 200 * MS)
    assert path.evidence.recent_score() == pytest.approx(67.03, abs=0.01)
    path.run(11)
    assert path.evidence.recent_score() == 100.0


def test_the_recent_score_needs_five_probes_and_an_answer_to_be_above_zero() -> None:
    path = line()
    path.run(2)
    assert path.evidence.recent_score() is None
    path.run(1)
    assert path.evidence.recent_score() == 100.0
    path.run(12, lambda number: LOST)
    assert path.evidence.recent_score() == 0.0


def test_one_lost_probe_does_not_lower_the_recent_score_and_two_do() -> None:
    path = line()
    path.run(10)
    path.run(1, one_in(2))
    assert path.evidence.recent_score() == 100.0
    path.run(1, one_in(2))
    assert path.evidence.recent_score() == pytest.approx(54.9, abs=0.1)


def test_the_recent_score_is_that_of_the_target_the_quorum_ends_with() -> None:
    path = line(replace(BALANCED, quorum=2), (1, 2, 3))
    path.run(20, lambda number: 200 * MS, only=(2,))
    assert path.evidence.recent_score() == 100.0
    path.run(20, lambda number: 200 * MS, only=(2, 3))
    assert path.evidence.recent_score() == pytest.approx(67.03, abs=0.01)


# --- what the rules call ---------------------------------------------------------------------
def test_the_rules_are_told_what_was_collected_and_nothing_else() -> None:
    path = line()
    path.run(60, one_in(2))
    verdict = path.evidence.verdict()
    assert is_degraded(BAD._replace(evidence=verdict)) is verdict
    assert is_degraded(BAD._replace(evidence=NONE)) is NONE
    assert is_degraded(BAD) is NONE, "a score alone is no evidence"


@pytest.mark.parametrize("view", [DEAD, UNKNOWN])
def test_dead_and_unknown_paths_are_not_degraded_whatever_was_collected(view: MemberView) -> None:
    path = line()
    path.run(60, lambda number: LOST if number % 2 else GOOD_NS)
    verdict = path.evidence.verdict()
    assert verdict.value
    assert not is_degraded(view._replace(evidence=verdict)).value
