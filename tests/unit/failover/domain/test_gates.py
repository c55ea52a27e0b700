"""Each gate of a candidate, their order, and which of them a purpose leaves out."""

from __future__ import annotations

import pytest

from failover.domain.gates import (
    GATES,
    RELAXATION,
    GateName,
    Leniency,
    candidates,
    first_failing_gate,
    first_passing,
    in_order,
)
from failover.domain.state import Cause, MemberClock
from failover.domain.views import MemberView
from health.domain.status import Reason
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    ONE_LOST,
    RECOVERING,
    START,
    UNKNOWN,
    World,
    scored,
    with_evidence,
)


def failing(view: MemberView, leniency: Leniency = Leniency.STRICT) -> tuple[str, str] | None:
    return first_failing_gate(World().see(CABLE, view=view).situation(), CABLE, leniency)


@pytest.mark.parametrize(
    ("view", "gate", "sentence"),
    [
        (GOOD._replace(enabled=False), GateName.ENABLED, "the path is disabled"),
        (GOOD._replace(in_schedule=False), GateName.IN_SCHEDULE, "outside its time window"),
        (GOOD._replace(in_maintenance=True), GateName.NOT_IN_MAINTENANCE, "in maintenance"),
        (UNKNOWN, GateName.KNOWN, "no data (stale)"),
        (UNKNOWN._replace(reason=Reason.NONE), GateName.KNOWN, "no data"),
        (UNKNOWN._replace(reason=Reason.WARMING_UP), GateName.KNOWN, "no data (warming up)"),
        (DEAD, GateName.REACHABLE, "does not answer"),
        (GOOD._replace(reachable=None), GateName.REACHABLE, "does not answer"),
        (ONE_LOST, GateName.FRESH, "its last 1 probes were lost: waiting for an answer"),
        (GOOD._replace(fresh=False), GateName.FRESH, "its last answer is too old: waiting"),
        (scored(49.9), GateName.SCORE, "score 49.9 is below the threshold 50"),
        (RECOVERING, GateName.SCORE, "no score yet: it has just come back"),
    ],
)
def test_a_candidate_fails_at_its_gate_with_a_sentence(
    view: MemberView, gate: GateName, sentence: str
) -> None:
    found = failing(view)
    assert found is not None
    assert found[0] is gate
    assert found[1].startswith(sentence)


def test_a_good_candidate_passes_every_gate() -> None:
    assert failing(GOOD) is None


def test_a_candidate_at_the_threshold_passes() -> None:
    assert failing(scored(50.0)) is None


def test_evidence_against_a_candidate_is_a_gate_of_its_own() -> None:
    gate = GATES[GateName.EVIDENCE]
    world = World().see(CABLE, view=BAD)
    assert gate(world.situation(), CABLE, with_evidence(BAD)) is not None
    assert gate(world.situation(), CABLE, BAD) is None
    assert gate(world.situation(), CABLE, GOOD) is None


def test_a_damped_candidate_says_how_long_it_still_has_to_prove_itself() -> None:
    world = World()
    clock = MemberClock(
        healthy_since=START - 20.0, left_at=START - 90.0, left_because=Cause.DEAD, penalty=1.0
    )
    world.state = world.state.__class__(active=FIBRE, clocks={CABLE: clock})
    assert first_failing_gate(world.situation(), CABLE) == (
        GateName.DAMPED,
        "left as dead: healthy for 20 s of 60 s",
    )
    assert first_failing_gate(world.situation(), CABLE, Leniency.DAMPED_TOO) is None


def test_a_damped_candidate_that_is_not_healthy_has_proven_nothing() -> None:
    world = World()
    clock = MemberClock(left_at=START, left_because=Cause.DEGRADED, penalty=2.0)
    world.state = world.state.__class__(active=FIBRE, clocks={CABLE: clock})
    found = first_failing_gate(world.situation(), CABLE)
    assert found == (GateName.DAMPED, "left as degraded: healthy for 0 s of 240 s")


def test_the_first_failing_gate_is_reported_when_several_fail() -> None:
    assert failing(DEAD._replace(enabled=False, in_maintenance=True)) == (
        GateName.ENABLED,
        "the path is disabled",
    )


def test_gates_are_asked_in_the_order_of_their_names() -> None:
    assert list(GATES) == list(GateName)


@pytest.mark.parametrize("leniency", Leniency)
@pytest.mark.parametrize(
    "view",
    [DEAD, UNKNOWN, ONE_LOST, GOOD._replace(enabled=False), GOOD._replace(in_schedule=False)],
)
def test_no_leniency_lets_a_dead_unknown_stale_or_unused_path_through(
    leniency: Leniency, view: MemberView
) -> None:
    assert failing(view, leniency) is not None


def test_the_last_resort_takes_any_path_that_answers() -> None:
    assert failing(BAD, Leniency.LAST_RESORT) is None
    assert failing(RECOVERING, Leniency.LAST_RESORT) is None


def test_a_path_without_score_needs_three_answers_in_a_row() -> None:
    found = failing(RECOVERING._replace(answers_in_a_row=2), Leniency.LAST_RESORT)
    assert found == (GateName.SCORE, "fewer than 3 answers since it came back")


def test_candidates_come_in_priority_order_without_the_active_path() -> None:
    world = World().see(CABLE, view=scored(60.0))
    assert in_order(world.situation()) == [CABLE, LTE]


def test_a_better_path_under_strict_gates_wins_over_an_earlier_one_that_needs_leniency() -> None:
    world = World().see(CABLE, view=BAD)
    assert first_passing(world.situation(), RELAXATION) == LTE


def test_the_gates_relax_until_some_path_passes() -> None:
    world = World().see(CABLE, view=DEAD).see(LTE, view=BAD)
    assert first_passing(world.situation(), RELAXATION[:2]) is None
    assert first_passing(world.situation(), RELAXATION) == LTE


def test_the_list_for_people_names_every_candidate() -> None:
    world = World().see(CABLE, view=DEAD)
    listed = list(candidates(world.situation(), Leniency.STRICT))
    assert listed == [
        (CABLE, "cable", GateName.REACHABLE, "does not answer"),
        (LTE, "lte", None, "may take over"),
    ]
