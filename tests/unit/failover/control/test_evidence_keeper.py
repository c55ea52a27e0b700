"""Evidence by policy and member: fed by rounds, forgotten at switches, handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from failover.control.evidence_keeper import NOTHING_FOUND, EvidenceKeeper
from failover.domain.policy import MemberSpec, PolicySpec
from health.domain.path_spec import SlaLimits
from health.domain.reading import Settled, TargetProbes

SECOND = 1_000_000_000
MS = 1_000_000
FIBRE, LTE = 1, 2
RATE = 5


def policy(policy_id: int = 1, **changes: object) -> PolicySpec:
    members = tuple(MemberSpec(key, name, 200 * MS) for key, name in ((FIBRE, "a"), (LTE, "b")))
    spec = PolicySpec(policy_id, f"uid-{policy_id}", f"policy {policy_id}", members)
    return replace(spec, **changes)  # type: ignore[arg-type] # any field


def kept(*policies: PolicySpec) -> EvidenceKeeper:
    keeper = EvidenceKeeper()
    keeper.configure({spec.policy_id: spec for spec in policies or (policy(),)})
    return keeper


def second_of(number: int, lost: Sequence[int] = ()) -> list[TargetProbes]:
    """One second of five probes, those in ``lost`` without an answer."""
    at_ns = number * SECOND
    settled = [
        Settled(at_ns + n * SECOND // RATE, None if n in lost else 20 * MS) for n in range(RATE)
    ]
    return [TargetProbes(100, settled)]


def feed(
    keeper: EvidenceKeeper, secs: range, lost: Sequence[int] = (), key: int = FIBRE
) -> EvidenceKeeper:
    for number in secs:
        keeper.observe({key: second_of(number, lost)}, (number + 1) * SECOND)
    return keeper


def proven(keeper: EvidenceKeeper, policy_id: int = 1, key: int = FIBRE) -> bool:
    return keeper.found(policy_id, key).evidence.value


def test_loss_becomes_evidence_against_its_own_path_only() -> None:
    keeper = feed(kept(), range(60))
    assert not proven(keeper)
    assert keeper.found(1, FIBRE).recent_score == pytest.approx(100.0)
    feed(keeper, range(60, 90), lost=(1, 3))
    assert proven(keeper)
    assert "that loss exceeds" in keeper.found(1, FIBRE).evidence.sentence
    assert not proven(keeper, key=LTE)


def test_each_policy_has_a_threshold_and_evidence_of_its_own() -> None:
    strict, lax = policy(1, failover_threshold=75.0), policy(2, failover_threshold=1.0)
    keeper = feed(feed(kept(strict, lax), range(60)), range(60, 120), lost=(2,))
    assert proven(keeper, 1)
    assert not proven(keeper, 2)
    keeper.reset(1)
    assert not proven(keeper, 1)
    assert keeper.found(1, FIBRE).evidence.strength == 0.0


def test_an_edit_of_thresholds_or_limits_forgets_what_was_held_and_keeps_the_past() -> None:
    keeper = feed(feed(kept(), range(60)), range(60, 90), lost=(1, 3))
    score = keeper.found(1, FIBRE).recent_score
    for edited in (
        policy(failover_threshold=40.0),
        policy(members=(MemberSpec(FIBRE, "a", 200 * MS, limits=SlaLimits(packet_loss_pct=9)),)),
    ):
        keeper.configure({1: edited})
        assert keeper.found(1, FIBRE).evidence.strength == 0.0
    assert score is not None
    assert keeper.found(1, FIBRE).recent_score > score  # judged by the new limits


def test_an_edit_of_anything_else_changes_nothing() -> None:
    keeper = feed(feed(kept(), range(60)), range(60, 90), lost=(1, 3))
    keeper.configure({1: policy(name="another", failback_delay_secs=5), 2: policy(2)})
    assert proven(keeper)
    assert not proven(keeper, 2)


def test_members_and_policies_that_went_are_forgotten() -> None:
    keeper = feed(feed(kept(), range(60)), range(60, 90), lost=(1, 3))
    keeper.configure({1: policy(members=(MemberSpec(LTE, "b", 200 * MS),))})
    assert keeper.found(1, FIBRE) == NOTHING_FOUND
    keeper.configure({1: policy()})
    assert not proven(keeper)
    keeper.configure({})
    assert keeper.found(1, LTE) == NOTHING_FOUND
    feed(keeper, range(90, 92))  # of a path that nobody asks about


def test_a_restarted_window_takes_its_evidence_along() -> None:
    keeper = feed(feed(kept(), range(60)), range(60, 90), lost=(1, 3))
    keeper.observe({FIBRE: [TargetProbes(100, (), restarted=True)]}, 91 * SECOND)
    assert not proven(keeper)


def test_a_successor_goes_on_with_the_evidence_that_was_left() -> None:
    keeper = feed(feed(kept(), range(60)), range(60, 75), lost=(1, 3))
    left = orjson.loads(orjson.dumps(keeper.record()))
    heir = EvidenceKeeper()
    heir.restore(left)
    heir.configure({1: policy(), 2: policy(2)})
    assert heir.found(1, FIBRE) == keeper.found(1, FIBRE)
    assert heir.found(2, FIBRE).evidence.strength == 0.0
    for one in (keeper, heir):
        feed(one, range(75, 85), lost=(1, 3))
    assert heir.found(1, FIBRE) == keeper.found(1, FIBRE)


def test_what_was_left_counts_for_the_first_configuration_only() -> None:
    keeper = feed(feed(kept(), range(60)), range(60, 90), lost=(1, 3))
    heir = EvidenceKeeper()
    heir.restore(keeper.record())
    heir.configure({})
    heir.configure({1: policy()})
    assert not proven(heir)


@pytest.mark.parametrize(
    "left",
    [{"uid-1": {"1": {"100": {}}}}, {"uid-1": {"1": 7}}, {"uid-1": 7}, {"uid-1": {"1": {"x": 1}}}],
)
def test_evidence_that_can_not_be_read_begins_anew(
    left: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    heir = EvidenceKeeper()
    heir.restore(left)
    heir.configure({1: policy()})
    assert not proven(heir)
    assert "begins anew" in caplog.text
    feed(heir, range(10))
