"""POST policies/{id}/replay/: what other settings would have done."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse

from export.api.replay_shapes import ReplayResultSerializer
from health.models import HealthSample
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy():
    uplink = factories.UplinkFactory()
    made = factories.FailoverPolicyFactory(name="berlin")
    now = int(time.time()) // 10 * 10
    for position in range(2):
        own = factories.UplinkFactory(vantage=uplink.vantage)
        path = factories.PathFactory(uplink=own)
        factories.PolicyMemberFactory(policy=made, path=path, position=position)
        HealthSample.objects.bulk_create(
            factories.HealthSampleFactory.build(path=path, timestamp=now - 600 + number * 10)
            for number in range(60)
        )
    return made


def ask(client, policy, body):
    url = reverse("api-policy-replay", args=[policy.pk])
    return client.post(url, body, content_type="application/json")


def test_a_viewer_may_replay_for_it_changes_nothing(viewer_client, policy) -> None:
    answer = ask(viewer_client, policy, {"changes": {"failover_threshold": 60}})

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == set(ReplayResultSerializer().fields)
    assert body["changes"] == {"failover_threshold": 60}
    assert body["replayed"]["switches"] == []


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"changes": {"name": "x"}}, "changes", "can't be tried out"),
        ({"since": "yesterday"}, "since", "is no moment"),
        ({"since": "2020-01-01T00:00:00Z"}, "since", "seven days"),
        ({"sinse": "1"}, "sinse", "is not a field here"),
        ({"changes": [1]}, "changes", "dictionary"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(viewer_client, policy, body, field, words) -> None:
    answer = ask(viewer_client, policy, body)

    assert answer.status_code == 400
    assert words in str(answer.json()["errors"][field])


def test_a_policy_that_is_not_there_is_404(viewer_client, policy) -> None:
    policy.pk = 4711
    assert ask(viewer_client, policy, {}).status_code == 404
