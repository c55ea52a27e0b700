"""Tasks of ``health`` for django-q2: read the clock, make one call."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from health import retention


def purge_history() -> str:
    """Delete samples older than PATHWARDEN_RETENTION_RAW, and changes of status after a year."""
    now = timezone.now()
    samples = retention.purge_samples(before=(now - settings.RETENTION_RAW).timestamp())
    changes = retention.purge_status_changes(before=now.timestamp() - 366 * 86_400)
    return f"deleted {samples} samples and {changes} changes of status"
