"""What a person reads of an order that was given: on its way, done, or why not. Texts are final."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from failover.models import OperatorOrder, OrderKind, OrderStage

_TITLES = {
    OrderStage.QUEUED: "Ordered",
    OrderStage.DONE: "Done",
    OrderStage.REFUSED: "Refused, nothing was done",
    OrderStage.EXPIRED: "Not carried out",
}
_LOOKS = {
    OrderStage.QUEUED: ("none", "circle-info"),
    OrderStage.DONE: ("ok", "circle-check"),
    OrderStage.REFUSED: ("bad", "octagon-x"),
    OrderStage.EXPIRED: ("bad", "octagon-x"),
}


@dataclass(frozen=True, slots=True)
class OrderResult:
    """How far an order is; ``again_url`` asks for more, ``retry_url`` opens its dialog anew."""

    title: str
    tone: str
    icon: str
    order: str
    sentence: str
    is_done: bool
    again_url: str
    retry_url: str
    page_url: str


def order_result(order: OperatorOrder) -> OrderResult:
    """What to show of ``order``."""
    stage = OrderStage(order.stage)
    tone, icon = _LOOKS[stage]
    open_ = stage == OrderStage.QUEUED
    failed = stage in {OrderStage.REFUSED, OrderStage.EXPIRED}
    return OrderResult(
        title=_TITLES[stage],
        tone=tone,
        icon=icon,
        order=f"{OrderKind(order.kind).label}: {order.reason}",
        sentence=_sentence(order, stage),
        is_done=stage == OrderStage.DONE,
        again_url=reverse("policy-order-result", args=[order.policy_id, order.uid])
        if open_
        else "",
        retry_url=reverse("policy-order", args=[order.policy_id, order.kind]) if failed else "",
        page_url=reverse("policy", args=[order.policy_id]),
    )


def _sentence(order: OperatorOrder, stage: OrderStage) -> str:
    if stage == OrderStage.QUEUED:
        return "The monitor carries it out at its next round…"
    if order.event is None or stage != OrderStage.DONE:
        return order.detail or "It was carried out."
    event = order.event
    if not event.direction:
        return event.reason
    left = event.from_path_name or "no path"
    return f"The traffic moves from {left} to {event.to_path_name}, generation {event.generation}."
