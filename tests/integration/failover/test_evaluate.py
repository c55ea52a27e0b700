"""``manage.py evaluate``: a second opinion from what is stored, which changes nothing."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from failover.domain.record import to_record
from failover.domain.state import PolicyState
from failover.models import FailoverEvent, FailoverPolicy, FailoverState
from health.models import CurrentHealth
from tests.factories import (
    CurrentHealthFactory,
    FailoverPolicyFactory,
    PathFactory,
    UplinkFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy() -> FailoverPolicy:
    """Fibre and lte, both healthy a moment ago, and a state that a monitor has published."""
    vantage = VantageFactory()
    paths = [
        PathFactory(name=name, uplink=UplinkFactory(vantage=vantage)) for name in ("fibre", "lte")
    ]
    made: FailoverPolicy = FailoverPolicyFactory(name="Internet", members=paths)
    for path in paths:
        CurrentHealthFactory(path=path)
    now = time.time()
    state = PolicyState(active=paths[0].pk, generation=3, active_since=now - 900)
    FailoverState.objects.update_or_create(
        policy=made,
        defaults={
            "generation": 3,
            "active_path": paths[0],
            "phase": "settled",
            "record": to_record(state, now=now, wall_offset=0.0),
            "evaluated_at": datetime.fromtimestamp(now, UTC),
        },
    )
    return made


def evaluated(*arguments: str) -> Any:
    out = StringIO()
    call_command("evaluate", "--json", *arguments, stdout=out)
    return json.loads(out.getvalue())


def current(name: str) -> Any:
    return CurrentHealth.objects.filter(path__name=name)


def publish_evidence(policy: FailoverPolicy, *, proven: bool) -> None:
    told = {
        "path_id": policy.members.get(path__name="fibre").path_id,
        "proven": proven,
        "sentence": "evidence 12.4 of 12 that loss exceeds 5.5 %",
        "strength": 12.4,
        "needed": 12.0,
        "theta_pct": 5.466,
        "bad_secs": 9,
        "recent_score": 30.0,
    }
    FailoverState.objects.update(judgement={"evidence": [told]})


def test_a_healthy_policy_stays_and_its_backup_passes_every_gate(policy: FailoverPolicy) -> None:
    (said,) = evaluated()
    assert (said["policy"], said["phase"], said["generation"]) == ("Internet", "settled", 3)
    assert said["would_switch_to"] is None
    assert [(one["name"], one["gate"]) for one in said["candidates"]] == [("lte", None)]


def test_a_dead_primary_would_be_left(policy: FailoverPolicy) -> None:
    current("fibre").update(status="down", reachable=False, health_score=0.0, reason="no_answer")
    (said,) = evaluated("--policy", "Internet")
    assert said["would_switch_to"] == policy.members.get(path__name="lte").path_id
    assert "does not answer" in said["reason"]


def test_the_first_failing_gate_of_a_candidate_is_named(policy: FailoverPolicy) -> None:
    current("lte").update(health_score=31.0, status="down")
    out = StringIO()
    call_command("evaluate", stdout=out)
    assert "Internet: settled" in out.getvalue()
    assert "lte: fails at score: score 31.0 is below the threshold 50" in out.getvalue()


def test_evidence_that_the_monitor_published_counts(policy: FailoverPolicy) -> None:
    publish_evidence(policy, proven=True)
    (said,) = evaluated()
    assert said["would_switch_to"] == policy.members.get(path__name="lte").path_id
    assert "evidence 12.4 of 12" in said["reason"]
    publish_evidence(policy, proven=False)
    (said,) = evaluated()
    assert said["would_switch_to"] is None
    out = StringIO()
    call_command("evaluate", "--policy", str(policy.pk), stdout=out)
    assert "fibre: evidence 12.4 of 12 that loss exceeds 5.5 %" in out.getvalue()


def test_health_that_nobody_renews_is_no_data_and_moves_nothing(policy: FailoverPolicy) -> None:
    CurrentHealth.objects.update(updated_at=time.time() - 60, status="down", reachable=False)
    (said,) = evaluated()
    assert said["would_switch_to"] is None
    assert {one["gate"] for one in said["candidates"]} == {"known"}


def test_an_answer_that_was_old_already_fails_as_not_fresh(policy: FailoverPolicy) -> None:
    row = current("lte").get()
    current("lte").update(last_checked=row.updated_at - 30)
    current("fibre").update(status="down", reachable=False, health_score=0.0)
    (said,) = evaluated()
    assert [one["gate"] for one in said["candidates"]] == ["fresh"]


def test_what_may_not_act_says_what_it_would_do(policy: FailoverPolicy) -> None:
    FailoverPolicy.objects.update(mode="observe")
    current("fibre").update(status="down", reachable=False, health_score=0.0)
    (said,) = evaluated()
    assert (said["may_act"], said["phase"]) == (False, "switching")
    assert "only observes; it would move to lte" in said["reason"]


def test_a_policy_that_was_never_decided_begins_at_its_primary(policy: FailoverPolicy) -> None:
    FailoverState.objects.all().delete()
    (said,) = evaluated()
    assert said["active_path_id"] == policy.members.get(position=0).path_id
    FailoverState.objects.create(policy=policy, generation=7)
    (said,) = evaluated()
    assert (said["generation"], said["phase"]) == (7, "settled")


def test_nothing_is_changed(policy: FailoverPolicy) -> None:
    before = FailoverState.objects.values().get()
    current("fibre").update(status="down", reachable=False, health_score=0.0)
    evaluated()
    assert FailoverState.objects.values().get() == before
    assert not FailoverEvent.objects.exists()


def test_an_unknown_policy_is_refused_with_those_there_are(policy: FailoverPolicy) -> None:
    with pytest.raises(CommandError, match="no policy 'Voice'; there is Internet"):
        call_command("evaluate", "--policy", "Voice")


def test_without_policies_there_is_nothing_to_say() -> None:
    out = StringIO()
    call_command("evaluate", stdout=out)
    assert "no policy with members" in out.getvalue()
    assert evaluated() == []
