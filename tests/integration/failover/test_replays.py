"""What a replay reads from the database, and what it refuses."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from failover.models import EventType
from failover.replays import ReplayRefused, replay_policy
from failover.selectors import policies_with_members
from health.models import HealthSample, UplinkTraffic
from tests import factories

pytestmark = pytest.mark.django_db

NOW = 1_800_000_000.0
HOUR = 3600


def history(path, *, dead: range = range(0)) -> None:
    """The last hour of a path, slot by slot; those in ``dead`` (numbers) answered nothing."""
    rows = []
    for number in range(HOUR // 10):
        row = factories.HealthSampleFactory.build(
            path=path, timestamp=int(NOW) - HOUR + number * 10
        )
        if number in dead:
            row.received, row.latency_ms, row.health_score = 0, None, 0.0
            row.status, row.reachable_secs, row.bad_secs = "down", 0, 10
        rows.append(row)
    HealthSample.objects.bulk_create(rows)


@pytest.fixture
def policy():
    uplink = factories.UplinkFactory()
    fibre = factories.PathFactory(name="fibre", uplink=uplink)
    lte = factories.PathFactory(
        name="lte", uplink=factories.UplinkFactory(vantage=uplink.vantage, metered=True)
    )
    made = factories.FailoverPolicyFactory(name="berlin")
    factories.PolicyMemberFactory(policy=made, path=fibre, position=0)
    factories.PolicyMemberFactory(policy=made, path=lte, position=1)
    history(fibre, dead=range(60, 90))
    history(lte)
    return policies_with_members().get(pk=made.pk)


def replayed(policy, **changes):
    return replay_policy(policy, changes, since=NOW - HOUR, until=NOW, now=NOW)


def test_the_report_sets_what_would_have_been_beside_what_was(policy) -> None:
    report = replayed(policy)

    assert report.happened.exposure.dead_secs == 300
    assert report.happened.switches == []
    assert [switch.to_name for switch in report.replayed.switches] == ["lte", "fibre"]
    assert report.bad_secs_saved >= 280


def test_carried_out_switches_of_then_are_where_the_traffic_was(policy) -> None:
    fibre, lte = (member.path for member in policy.members.all())
    factories.FailoverEventFactory(
        policy=policy, event_type=EventType.COMPLETED, direction="failover", to_path=lte,
        from_path=fibre, timestamp=dt.datetime.fromtimestamp(NOW - HOUR + 602, dt.UTC),
    )  # fmt: skip

    report = replayed(policy)

    assert report.happened.exposure.secs_on == {fibre.pk: 602, lte.pk: HOUR - 602}
    assert report.happened.exposure.dead_secs == 2


def test_metered_bytes_are_those_that_the_carrying_uplinks_bore(policy) -> None:
    fibre, _ = (member.path for member in policy.members.all())
    UplinkTraffic.objects.bulk_create(
        UplinkTraffic(
            timestamp=int(NOW) - HOUR + number * 10, uplink=fibre.uplink, secs=10,
            receive_bytes=900, transmit_bytes=100, receive_packets=1, transmit_packets=1,
            receive_errors=0, transmit_errors=0, receive_drops=0, transmit_drops=0,
        )
        for number in range(HOUR // 10)
    )  # fmt: skip

    report = replayed(policy)

    assert report.happened.metered_bytes is None
    spent_on_lte = report.replayed.exposure.secs_on[policy.members.all()[1].path_id]
    assert report.replayed.metered_bytes == pytest.approx(spent_on_lte * 100, abs=2000)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"executor": "linux"}, "executor", "can't be tried out"),
        ({"failover_threshold": "high"}, "failover_threshold", "'high' is not a number"),
        ({"failover_threshold": 90}, "failback_threshold", "must be above"),
        ({"damping": "perhaps"}, "damping", "not true or false"),
        ({"failback_mode": "sometimes"}, "failback_mode", "'sometimes' is not one of"),
        ({"strategy": "cheapest"}, "strategy", "is not known"),
    ],
)
def test_a_setting_that_cannot_be_tried_is_named_with_its_value(
    policy, changes, field, words
) -> None:
    with pytest.raises(ReplayRefused, match=words) as refused:
        replayed(policy, **changes)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        (NOW, NOW - 60, "until"),
        (NOW - 8 * 86_400, NOW, "since"),
        (NOW - 3 * 86_400, NOW - 2 * 86_400, "since"),
    ],
)
def test_a_span_that_cannot_be_replayed_is_refused(policy, since, until, field) -> None:
    with pytest.raises(ReplayRefused) as refused:
        replay_policy(policy, {}, since=since, until=until, now=NOW)

    assert refused.value.field == field


def test_the_command_prints_the_report_as_text_and_as_json(policy) -> None:
    with time_machine.travel(NOW, tick=False):
        text, values = StringIO(), StringIO()
        call_command("replay", "berlin", "--since=1h", "--set=failover_threshold=60", stdout=text)
        call_command("replay", str(policy.pk), "--since=1h", "--json", stdout=values)

    assert "with failover_threshold = 60" in text.getvalue()
    assert "seconds on a bad path" in text.getvalue()
    assert json.loads(values.getvalue())["happened"]["dead_secs"] == 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "There is no policy 'nowhere'; there is berlin."),
        (["berlin", "--since=soon"], "--since 'soon'"),
        (["berlin", "--set=damping"], "--set 'damping'"),
        (["berlin", "--since=9d"], "since: A replay spans seven days"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_arguments(policy, arguments, words) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("replay", *arguments)
