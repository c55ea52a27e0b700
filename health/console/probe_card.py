"""What a person sees of a measurement on demand: how far it is, each target, what failed.

Texts are final; nothing is measured or ordered here.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from health.console import words
from health.models import OrderState, ProbeOrder
from health.on_demand import orders

PARAMETER = "probe"
"""In the address of the path's page: the order to show, for browsers without scripts."""


@dataclass(frozen=True, slots=True)
class ProbedTarget:
    """One target as it answered; texts are final."""

    address: str
    tone: str
    answers: str
    latency: str
    spread: str
    jitter: str
    detail: str


@dataclass(frozen=True, slots=True)
class ProbeCard:
    """What came of an order, or why there is none."""

    sentence: str
    is_problem: bool = False
    targets: tuple[ProbedTarget, ...] = ()
    again_url: str = ""
    """Where to ask for more; empty when it has ended."""


def card_asked(path_id: int, text: str, *, now: float) -> ProbeCard | None:
    """The order named in the address of the page, if there is such a one."""
    try:
        order = orders.order_of(path_id, uuid.UUID(text), now=now)
    except ValueError:
        return None
    return None if order is None else card_of(order)


def card_of(order: ProbeOrder) -> ProbeCard:
    """What to show of ``order``."""
    again = reverse("path-probe-result", args=[order.path_id, order.uid])
    targets = tuple(_target(one) for one in order.result.get("targets", ()))
    if order.state == OrderState.QUEUED:
        return ProbeCard("Asking the probe host…", again_url=again)
    if order.state == OrderState.RUNNING:
        return ProbeCard("Probing…", targets=targets, again_url=again)
    if order.state == OrderState.DONE:
        return ProbeCard(_verdict(order), order.result.get("reachable") is not True, targets)
    return ProbeCard(order.detail, is_problem=True, targets=targets)


def _verdict(order: ProbeOrder) -> str:
    sent, received = order.result["sent"], order.result["received"]
    beginning = {True: "Reachable", False: "Unreachable", None: "Could not be told"}
    verdict = beginning[order.result["reachable"]]
    return f"{verdict}: {received} of {sent} probes were answered. They count in no statistics."


def _tone(sent: int, received: int) -> str:
    if received == 0:
        return "bad"
    return "ok" if received == sent else "warn"


def _target(one: dict[str, Any]) -> ProbedTarget:
    times = [words.number(one[key]) for key in ("min_latency_ms", "max_latency_ms")]
    details = [probe["detail"] for probe in one["probes"] if probe["detail"]]
    return ProbedTarget(
        address=one["address"],
        tone=_tone(one["sent"], one["received"]),
        answers=f"{one['received']} of {one['sent']}",
        latency=words.number(one["latency_ms"]),
        spread=words.MISSING if one["latency_ms"] is None else " – ".join(times),
        jitter=words.number(one["jitter_ms"]),
        detail=str(details[-1]) if details else "",
    )
