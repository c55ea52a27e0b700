"""Old history is deleted in short batches, so that nothing grows for ever and nobody waits.

Samples lie in the order of time, so the oldest are deleted from one end of the
table: a batch touches few pages and holds the write lock for milliseconds.
"""

from __future__ import annotations

from django.db.models import QuerySet

from health.models import HealthSample, StatusChange, UplinkTraffic

BATCH_ROWS = 5_000


def purge_samples(*, before: float) -> int:
    """Delete samples of slots before ``before`` (seconds since 1970, UTC); returns how many."""
    return _purge(HealthSample.objects.filter(timestamp__lt=int(before)).order_by("timestamp"))


def purge_status_changes(*, before: float) -> int:
    """Delete changes of status before ``before`` (seconds since 1970, UTC); returns how many."""
    return _purge(StatusChange.objects.filter(timestamp__lt=before).order_by("timestamp"))


def purge_traffic(*, before: float) -> int:
    """Delete traffic of slots before ``before`` (seconds since 1970, UTC); returns how many."""
    return _purge(UplinkTraffic.objects.filter(timestamp__lt=int(before)).order_by("timestamp"))


Rows = QuerySet[HealthSample] | QuerySet[StatusChange] | QuerySet[UplinkTraffic]


def _purge(oldest_first: Rows) -> int:
    deleted = 0
    while keys := list(oldest_first.values_list("pk", flat=True)[:BATCH_ROWS]):
        oldest_first.model.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted
