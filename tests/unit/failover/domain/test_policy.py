"""What the validation of a policy accepts, and how it names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from failover.domain.policy import MemberSpec, validate
from tests.unit.failover.domain.worlds import CABLE, FIBRE, make_policy

FIBRE_SPEC, CABLE_SPEC = MemberSpec(FIBRE, "fibre"), MemberSpec(CABLE, "cable")


def problems(**changes: Any) -> list[tuple[str, str]]:
    return validate(make_policy(**changes))


def test_a_policy_with_the_defaults_is_sound() -> None:
    assert problems() == []


@pytest.mark.parametrize("name", ["", "   "])
def test_an_empty_name_is_refused(name: str) -> None:
    [(field, message)] = problems(name=name)
    assert field == "name"
    assert "empty" in message


def test_a_policy_without_any_path_has_no_primary() -> None:
    [(field, message)] = problems(members=())
    assert field == "primary"
    assert "no primary" in message


def test_a_policy_needs_a_backup() -> None:
    [(field, message)] = problems(members=(FIBRE_SPEC,))
    assert field == "backups"
    assert "no backup" in message


def test_the_primary_cannot_be_its_own_backup() -> None:
    [(field, message)] = problems(members=(FIBRE_SPEC, CABLE_SPEC, FIBRE_SPEC))
    assert field == "backups"
    assert "fibre is the primary and also a backup" in message


def test_a_backup_listed_twice_is_named() -> None:
    [(field, message)] = problems(members=(FIBRE_SPEC, CABLE_SPEC, CABLE_SPEC))
    assert field == "backups"
    assert "cable is a backup more than once" in message


def test_members_of_different_vantages_are_refused() -> None:
    members = (MemberSpec(1, "fibre", vantage="roof"), MemberSpec(2, "cable", vantage="cellar"))
    [(field, message)] = problems(members=members)
    assert field == "backups"
    assert "cellar, roof" in message


@pytest.mark.parametrize("value", [-0.1, 100.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["failover_threshold", "failback_threshold"])
def test_a_threshold_outside_0_to_100_is_refused(name: str, value: float) -> None:
    [(field, message)] = problems(**{name: value})
    assert field == name
    assert "outside 0 to 100" in message


@pytest.mark.parametrize(("down", "up"), [(80.0, 80.0), (81.0, 80.0)])
def test_the_failback_threshold_must_be_above_the_failover_threshold(
    down: float, up: float
) -> None:
    [(field, message)] = problems(failover_threshold=down, failback_threshold=up)
    assert field == "failback_threshold"
    assert f"{down:g}" in message


@pytest.mark.parametrize("value", [-1.0, 86_401.0, float("nan"), float("inf")])
def test_a_failback_delay_outside_one_day_is_refused(value: float) -> None:
    [(field, message)] = problems(failback_delay_secs=value)
    assert field == "failback_delay_secs"
    assert "seconds" in message


def test_a_failback_delay_of_zero_is_allowed() -> None:
    assert problems(failback_delay_secs=0.0) == []


def test_the_dwell_for_a_dead_path_cannot_be_the_longer_one() -> None:
    [(field, message)] = problems(dwell_secs=2.0)
    assert field == "dead_dwell_secs"
    assert "sooner" in message


@pytest.mark.parametrize("name", ["failback_mode", "mode", "strategy"])
def test_an_unknown_choice_lists_the_known_ones(name: str) -> None:
    [(field, message)] = problems(**{name: "sideways"})
    assert field == name
    assert "'sideways' is not known: choose one of" in message


def test_everything_wrong_is_reported_at_once() -> None:
    found = problems(name="", members=(FIBRE_SPEC,), failback_delay_secs=-1.0, strategy="x")
    assert [field for field, _ in found] == ["name", "backups", "failback_delay_secs", "strategy"]


def test_the_reset_bound_is_never_below_the_failover_threshold() -> None:
    assert make_policy().reset_below == 70.0
    assert make_policy(failover_threshold=75.0).reset_below == 75.0


def test_a_path_that_is_no_member_still_has_a_name_for_sentences() -> None:
    policy = make_policy()
    assert policy.name_of(CABLE) == "cable"
    assert policy.name_of(77) == "path 77"
    assert policy.name_of(None) == "no path"
    assert policy.index_of(77) is None
