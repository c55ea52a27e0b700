"""Tasks of ``failover`` for django-q2: read the clock, make one call."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import send_mail
from django.utils import timezone

from failover import deliveries, tracing
from health.models import Vantage


def deliver_messages() -> str:
    """Tell people about the events that channels wait for."""
    return f"sent {deliveries.deliver_messages(send, now=timezone.now())} messages"


def run_hooks(vantage: str) -> str:
    """Run what is due after events of policies whose paths ``vantage`` probes; on that host."""
    row = Vantage.objects.filter(name=vantage).first()
    if row is None:
        return f"there is no probe host {vantage}"
    return f"ran {deliveries.run_hooks(row.pk, now=timezone.now())} hooks"


def trace_switches(vantage: str) -> str:
    """Trace the paths of switches that ``vantage`` probes; on that host."""
    row = Vantage.objects.filter(name=vantage).first()
    if row is None:
        return f"there is no probe host {vantage}"
    return f"traced {tracing.trace_switches(row.pk, now=timezone.now())} switches"


def send(subject: str, text: str, recipients: Sequence[str]) -> None:
    """Hand one mail over to the server of EMAIL_URL; raises ``OSError``."""
    send_mail(subject, text, None, list(recipients))
