"""The two verdicts that can start a failover."""

from __future__ import annotations

import pytest

from failover.domain.evidence import TOO_LITTLE, is_dead, is_degraded
from tests.unit.failover.domain.worlds import BAD, DEAD, GOOD, RECOVERING, UNKNOWN, scored


def test_only_a_path_judged_unreachable_is_dead() -> None:
    assert is_dead(DEAD)
    assert not any(is_dead(view) for view in (GOOD, BAD, UNKNOWN, RECOVERING))


def test_a_score_below_the_threshold_is_evidence_and_says_so() -> None:
    evidence = is_degraded(scored(49.94), 50.0)
    assert evidence.value
    assert evidence.sentence == "score 49.9 of 120 probes is below the threshold 50"


def test_a_score_at_the_threshold_is_no_evidence() -> None:
    assert not is_degraded(scored(50.0), 50.0).value


@pytest.mark.parametrize(("settled", "value"), [(29, False), (30, True)])
def test_evidence_needs_thirty_probes(settled: int, value: bool) -> None:
    evidence = is_degraded(BAD._replace(settled=settled), 50.0)
    assert evidence.value is value
    assert (evidence == TOO_LITTLE) is not value


@pytest.mark.parametrize("view", [DEAD, UNKNOWN, RECOVERING, BAD._replace(reachable=None)])
def test_dead_unknown_and_unscored_paths_are_not_degraded(view: object) -> None:
    assert not is_degraded(view, 50.0).value  # type: ignore[arg-type]  # parametrised views
