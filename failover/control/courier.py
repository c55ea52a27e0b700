"""Calls for those who deliver: when messages or hooks are due, a cluster is asked at once.

The monitor delivers nothing itself, for no mail server may hold up a switch; the schedule
of each minute finds what nobody was called for.
"""

from __future__ import annotations

from datetime import datetime

from django_q.tasks import async_task

from failover.deliveries import due_topics
from failover.models import OutboxTopic

_ON_THE_HOST = {
    OutboxTopic.HOOK.value: "failover.tasks.run_hooks",
    OutboxTopic.TRACE.value: "failover.tasks.trace_switches",
}
PAUSE_NS = 5_000_000_000
"""Between two calls: the one before may be under way."""


class Courier:
    """One per monitor loop. ``now_ns`` is monotonic nanoseconds."""

    def __init__(self, vantage_id: int, vantage_name: str) -> None:
        self._vantage_id = vantage_id
        self._vantage_name = vantage_name
        self._called_ns: dict[str, int] = {}

    def call_when_due(self, *, now: datetime, now_ns: int) -> None:
        """Enqueue the delivery of each topic of which something is due."""
        for topic in due_topics(self._vantage_id, now=now):
            if now_ns - self._called_ns.get(topic, now_ns - PAUSE_NS) < PAUSE_NS:
                continue
            self._called_ns[topic] = now_ns
            if topic in _ON_THE_HOST:
                queue = {"cluster": self._vantage_name, "save": False, "group": topic}
                async_task(_ON_THE_HOST[topic], self._vantage_name, q_options=queue)
            else:
                queue = {"save": False, "group": "messages"}
                async_task("failover.tasks.deliver_messages", q_options=queue)
