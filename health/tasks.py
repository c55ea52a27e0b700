"""Tasks of ``health`` for django-q2: read the clock, make one call."""

from __future__ import annotations

import time

from django.conf import settings
from django.utils import timezone

from health import retention
from health.on_demand import carrying


def purge_history() -> str:
    """Delete samples and traffic older than PATHWARDEN_RETENTION_RAW, changes after a year."""
    now = timezone.now()
    raw = (now - settings.RETENTION_RAW).timestamp()
    samples = retention.purge_samples(before=raw)
    traffic = retention.purge_traffic(before=raw)
    changes = retention.purge_status_changes(before=now.timestamp() - 366 * 86_400)
    return f"deleted {samples} samples, {traffic} of traffic and {changes} changes of status"


def carry_out_probe_order(uid: str, vantage: str) -> str:
    """Probe a path as a person ordered; runs on the path's own probe host."""
    return carrying.carry_out(uid, vantage=vantage, clock=time.time)
