"""Policies as the decision and the pages read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from failover.domain.policy import FailbackMode, MemberSpec, PolicyMode, validate
from failover.models import FailoverPolicy, PolicyMember
from failover.selectors import (
    decision_fingerprint,
    member_spec,
    paths_in_maintenance,
    policies_now,
    policies_with_members,
    policy_spec,
    recent_events,
)
from health.domain.path_spec import SlaLimits
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    MaintenanceWindowFactory,
    PathFactory,
    PathTargetFactory,
    PolicyRouteFactory,
    ProbeProfileFactory,
    SiteFactory,
    SlaProfileFactory,
    UplinkFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def two_path_policy(**fields: Any) -> FailoverPolicy:
    vantage = VantageFactory(name="here")
    rhythm = ProbeProfileFactory(interval_ms=200)
    paths = [
        PathFactory(name=name, uplink=UplinkFactory(vantage=vantage), probe_profile=rhythm)
        for name in ("fibre", "lte")
    ]
    policy: FailoverPolicy = FailoverPolicyFactory(members=paths, **fields)
    return policy


def test_a_policy_becomes_a_spec_with_its_members_in_order() -> None:
    policy = two_path_policy(
        name="Internet", failback_mode="manual", mode="observe", failback_delay_secs=15
    )
    members = list(policy.members.order_by("position"))
    spec = policy_spec(policies_with_members().get())
    assert spec.members == tuple(
        MemberSpec(member.path_id, member.path.name, 200_000_000, "here", cost=10.0)
        for member in members
    )
    assert (spec.failback_mode, spec.mode) == (FailbackMode.MANUAL, PolicyMode.OBSERVE)
    assert (spec.name, spec.uid, spec.failback_delay_secs) == ("Internet", str(policy.uid), 15)
    assert validate(spec) == []


def test_a_member_carries_what_evidence_and_strategies_ask_for() -> None:
    path = PathFactory(
        probe_profile=ProbeProfileFactory(interval_ms=1_000, bad_seconds=10),
        sla_profile=SlaProfileFactory(
            latency_ms=150, packet_loss_pct=3, jitter_ms=40, latency_weight=0.5, jitter_weight=0.1
        ),
        uplink=UplinkFactory(cost=70),
    )
    PathTargetFactory.create_batch(5, path=path)
    FailoverPolicyFactory(members=[path, PathFactory()])
    member = policy_spec(policies_with_members().get()).members[0]
    assert member.limits == SlaLimits(150, 3, 40, 0.5, 0.4, 0.1)
    assert (member.quorum, member.bad_secs_needed, member.cost) == (3, 10, 70.0)
    assert member_spec(path, target_count=4).quorum == 2
    path.quorum = 2
    assert [member_spec(path, target_count=count).quorum for count in (0, 1, 5)] == [1, 1, 2]


def test_the_order_of_members_is_their_position_and_not_their_age() -> None:
    policy = two_path_policy()
    first, second = policy.members.order_by("position")
    PolicyMember.objects.filter(pk=first.pk).update(position=9)
    spec = policy_spec(policies_with_members().get())
    assert [member.path_key for member in spec.members] == [second.path_id, first.path_id]


def test_members_of_different_vantages_make_an_unsound_policy() -> None:
    FailoverPolicyFactory(members=[PathFactory(), PathFactory()])
    problems = validate(policy_spec(policies_with_members().get()))
    assert [field for field, _ in problems] == ["backups"]


def test_reading_policies_takes_a_fixed_number_of_queries() -> None:
    counts = []
    for _ in range(2):
        FailoverStateFactory(policy=FailoverPolicyFactory(members=PathFactory.create_batch(3)))
        with CaptureQueriesContext(connection) as queries:
            policies_now()
        counts.append(len(queries))
    assert counts == [3, 3]


MAINTAINED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "path": lambda path: {"path": path},
    "uplink": lambda path: {"path": None, "uplink": path.uplink},
    "site of the probe host": lambda path: {"path": None, "site": path.uplink.vantage.site},
    "site at the far end": lambda path: {"path": None, "site": path.destination},
}


@pytest.mark.parametrize("what", MAINTAINED)
def test_a_window_covers_the_paths_of_what_it_names(what: str) -> None:
    path = PathFactory(destination=SiteFactory())
    PathFactory()
    MaintenanceWindowFactory(
        starts_at=NOW, ends_at=NOW + timedelta(hours=1), **MAINTAINED[what](path)
    )
    assert paths_in_maintenance(now=NOW) == {path.pk}
    assert paths_in_maintenance(now=NOW + timedelta(minutes=59)) == {path.pk}
    assert paths_in_maintenance(now=NOW - timedelta(seconds=1)) == set()
    assert paths_in_maintenance(now=NOW + timedelta(hours=1)) == set()


EDITS: dict[str, Callable[[FailoverPolicy], object]] = {
    "policy": lambda policy: policy.save(),
    "member": lambda policy: policy.members.first().save(),
    "removed member": lambda policy: policy.members.last().delete(),
    "route": lambda policy: PolicyRouteFactory(policy=policy),
    "path": lambda policy: policy.members.first().path.save(),
    "uplink": lambda policy: policy.members.first().path.uplink.save(),
    "probe profile": lambda policy: policy.members.first().path.probe_profile.save(),
    "SLA profile": lambda policy: policy.members.first().path.sla_profile.save(),
    "target": lambda policy: PathTargetFactory(path=policy.members.first().path),
    "new state": lambda policy: FailoverStateFactory(policy=policy),
    "deleted policy": lambda policy: policy.delete(),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_of_what_is_decided_changes_the_fingerprint(edit: str) -> None:
    policy = two_path_policy()
    before = decision_fingerprint(now=NOW)
    assert decision_fingerprint(now=NOW) == before
    EDITS[edit](policy)
    assert decision_fingerprint(now=NOW) != before


def test_a_switch_and_the_begin_of_maintenance_change_the_fingerprint() -> None:
    policy = two_path_policy()
    state = FailoverStateFactory(policy=policy)
    before = decision_fingerprint(now=NOW)
    state.generation = 1
    state.save()
    switched = decision_fingerprint(now=NOW)
    assert switched != before
    start = NOW + timedelta(minutes=1)
    MaintenanceWindowFactory(
        path=policy.members.first().path, starts_at=start, ends_at=start + timedelta(hours=1)
    )
    assert decision_fingerprint(now=NOW) == switched
    assert decision_fingerprint(now=start) != switched


def test_publishing_a_judgement_does_not_change_the_fingerprint() -> None:
    state = FailoverStateFactory(policy=two_path_policy())
    before = decision_fingerprint(now=NOW)
    state.reason = "all is well"
    state.save()
    assert decision_fingerprint(now=NOW) == before


def test_a_policy_that_was_never_decided_has_an_empty_state() -> None:
    policy = two_path_policy()
    (now,) = policies_now()
    assert (now.active_path_id, now.generation, now.candidates) == (None, 0, ())
    assert now.primary_path_id == policy.members.first().path_id
    assert not now.using_primary


def test_a_disabled_policy_is_disabled_whatever_was_decided_last() -> None:
    policy = two_path_policy(enabled=False)
    FailoverStateFactory(
        policy=policy, active_path=policy.members.first().path, phase="switching", generation=4
    )
    (now,) = policies_now([policy.pk])
    assert (now.phase, now.generation, now.using_primary) == ("disabled", 4, True)
    assert policies_now([]) == []


def test_the_latest_events_come_newest_first() -> None:
    policy = two_path_policy()
    for minutes in (1, 3, 2):
        FailoverEventFactory(policy=policy, timestamp=NOW + timedelta(minutes=minutes))
    FailoverEventFactory(timestamp=NOW)
    found = recent_events(limit=2, policy_id=policy.pk)
    assert [event.timestamp.minute for event in found] == [7, 6]
    assert len(recent_events(limit=10)) == 4
