"""Old history goes, the rest stays, and no batch is long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from health import retention
from health.models import HealthSample, StatusChange, UplinkTraffic
from health.tasks import purge_history
from tests.factories import (
    HealthSampleFactory,
    PathFactory,
    StatusChangeFactory,
    UplinkTrafficFactory,
)

pytestmark = pytest.mark.django_db
SLOT = 1_700_000_000


def test_samples_before_the_moment_are_deleted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 3)
    path = PathFactory()
    for number in range(10):
        HealthSampleFactory(path=path, timestamp=SLOT + 10 * number)
    assert retention.purge_samples(before=SLOT + 70) == 7
    left = HealthSample.objects.order_by("timestamp").values_list("timestamp", flat=True)
    assert list(left) == [SLOT + 70, SLOT + 80, SLOT + 90]
    assert retention.purge_samples(before=SLOT + 70) == 0


def test_samples_of_deleted_paths_go_as_well() -> None:
    HealthSampleFactory(timestamp=SLOT).path.delete()
    assert retention.purge_samples(before=SLOT + 1) == 1


def test_changes_of_status_are_kept_for_a_year_and_samples_as_configured() -> None:
    StatusChangeFactory(timestamp=SLOT)
    fresh = StatusChangeFactory()
    HealthSampleFactory(timestamp=SLOT)
    HealthSampleFactory()
    UplinkTrafficFactory(timestamp=SLOT)
    kept = UplinkTrafficFactory()
    assert purge_history() == "deleted 1 samples, 1 of traffic and 1 changes of status"
    assert StatusChange.objects.get() == fresh
    assert UplinkTraffic.objects.get() == kept


def test_the_retention_of_samples_is_a_setting() -> None:
    HealthSampleFactory(timestamp=SLOT)
    with override_settings(RETENTION_RAW=timedelta(days=100_000)):
        assert purge_history().startswith("deleted 0 samples")
