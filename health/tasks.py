"""Tasks of ``health`` for django-q2: read the clock, make one call."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from health import retention


def purge_history() -> str:
    """Delete samples and traffic older than PATHWARDEN_RETENTION_RAW, changes after a year."""
    now = timezone.now()
    raw = (now - settings.RETENTION_RAW).timestamp()
    samples = retention.purge_samples(before=raw)
    traffic = retention.purge_traffic(before=raw)
    changes = retention.purge_status_changes(before=now.timestamp() - 366 * 86_400)
    return f"deleted {samples} samples, {traffic} of traffic and {changes} changes of status"
