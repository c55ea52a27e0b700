"""What an order would do, said before it is given: choices, consequences, the executor's plan.

Made from rows that were read already; no query and no rule may enter. Whether an order is
carried out is for the monitor to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from failover.console.plans import PlanText
from failover.console.policy_rows import Hop, PolicyRow
from failover.domain.gates import GateName, Leniency
from failover.executors import EXECUTORS
from failover.models import OrderKind
from health.console import words
from health.console.live import checksum

MOVES = (OrderKind.FAILOVER, OrderKind.FAILBACK, OrderKind.PIN)

_BUTTONS = {
    OrderKind.PAUSE: "Pause…",
    OrderKind.RESUME: "Resume…",
    OrderKind.PIN: "Pin…",
    OrderKind.UNPIN: "Release pin…",
    OrderKind.FAILBACK: "Fail back…",
    OrderKind.FAILOVER: "Fail over…",
}
_TITLES = {
    OrderKind.FAILOVER: "Fail over {name}?",
    OrderKind.FAILBACK: "Fail back {name}?",
    OrderKind.PIN: "Pin {name} to a path?",
    OrderKind.UNPIN: "Release the pin of {name}?",
    OrderKind.PAUSE: "Pause {name}?",
    OrderKind.RESUME: "Resume {name}?",
}
_PINNABLE = frozenset({GateName.KNOWN, GateName.REACHABLE})
"""The gates that a pin does not step over."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What a person holds a policy with: the stored records of pin and pause, or None."""

    pin: Mapping[str, Any] | None = None
    pause: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A button that opens the dialog of an order."""

    kind: str
    label: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Actions:
    """The buttons of a policy, and a checksum of them."""

    buttons: tuple[Action, ...]

    @property
    def v(self) -> str:
        """Differs when the buttons do."""
        return checksum(tuple(one.kind for one in self.buttons))


@dataclass(frozen=True, slots=True)
class Choice:
    """A path to move to; ``tone`` and ``sentence`` say how well it would do."""

    hop: Hop
    tone: str
    icon: str
    sentence: str
    is_possible: bool
    is_chosen: bool
    plan: PlanText | None


@dataclass(frozen=True, slots=True)
class OrderDialog:
    """One order as a person reads it before giving it."""

    kind: OrderKind
    title: str
    verb: str
    active: Hop | None
    choices: tuple[Choice, ...]
    is_free: bool
    """True when there is something to choose."""
    consequences: tuple[str, ...]
    generation: int


def actions(row: PolicyRow, holds: Holds) -> Actions:
    """The orders that make sense now, the strongest last."""
    policy = row.policy
    kinds = [OrderKind.RESUME if holds.pause else OrderKind.PAUSE]
    if holds.pin:
        kinds.append(OrderKind.UNPIN)
    if policy.enabled and policy.mode != "observe" and len(policy.members) > 1:
        kinds.append(OrderKind.PIN)
        if not holds.pin:
            kinds += [OrderKind.FAILBACK] if row.is_on_backup else []
            kinds.append(OrderKind.FAILOVER)
    return Actions(
        tuple(Action(kind.value, _BUTTONS[kind], kind == OrderKind.FAILOVER) for kind in kinds)
    )


def order_dialog(
    kind: OrderKind,
    row: PolicyRow,
    holds: Holds,
    plans: Sequence[PlanText],
    *,
    wished: int | None = None,
) -> OrderDialog:
    """The dialog of one order; ``wished`` is the path that was chosen before."""
    choices = _choices(kind, row, plans, wished)
    return OrderDialog(
        kind=kind,
        title=_TITLES[kind].format(name=row.policy.name),
        verb=str(kind.label),
        active=row.active,
        choices=choices,
        is_free=kind in {OrderKind.FAILOVER, OrderKind.PIN},
        consequences=tuple(_consequences(kind, row, holds)),
        generation=row.policy.generation,
    )


# --- choices -----------------------------------------------------------------------------
def _choices(
    kind: OrderKind, row: PolicyRow, plans: Sequence[PlanText], wished: int | None
) -> tuple[Choice, ...]:
    if kind not in MOVES:
        return ()
    hops = [hop for hop in row.hops if kind == OrderKind.PIN or not hop.is_active]
    if kind == OrderKind.FAILBACK:
        hops = hops[:1]
    possible = [hop for hop in hops if _is_possible(kind, row, hop)]
    best = next(
        (hop for hop in possible if hop.passes or hop.is_active), next(iter(possible), None)
    )
    chosen = next((hop for hop in possible if hop.path_id == wished), best)
    return tuple(_choice(kind, row, hop, plans, hop is chosen) for hop in hops)


def _choice(
    kind: OrderKind, row: PolicyRow, hop: Hop, plans: Sequence[PlanText], is_chosen: bool
) -> Choice:
    is_possible = _is_possible(kind, row, hop)
    tone, icon = ("ok", "circle-check") if hop.passes or hop.is_active else ("warn", "triangle")
    if not is_possible:
        tone, icon = "bad", "octagon-x"
    return Choice(
        hop=hop,
        tone=tone,
        icon=icon,
        sentence="carries the traffic now" if hop.is_active else _judged(hop, is_possible),
        is_possible=is_possible,
        is_chosen=is_chosen,
        plan=next((plan for plan in plans if plan.to_path == hop.name), None),
    )


def _is_possible(kind: OrderKind, row: PolicyRow, hop: Hop) -> bool:
    """False where the monitor would refuse as things were at its last judgement.

    A path that only lacks a fresh answer gets one before the person has written a reason.
    """
    if hop.is_active or hop.passes:
        return True
    gate = _gate(row, hop)
    passed_over = {GateName.FRESH, *Leniency.LAST_RESORT.value}
    if kind == OrderKind.PIN:
        return gate not in _PINNABLE
    return gate is None or gate in passed_over


def _gate(row: PolicyRow, hop: Hop) -> GateName | None:
    for candidate in row.policy.candidates:
        if candidate["path_id"] == hop.path_id and candidate.get("gate"):
            return GateName(candidate["gate"])
    return None


def _judged(hop: Hop, is_possible: bool) -> str:
    if hop.passes or not hop.sentence:
        return hop.sentence or "not judged yet"
    if not is_possible:
        return f"cannot take over: {hop.sentence}"
    return f"{hop.sentence}: the rules may move the traffic away again"


# --- consequences --------------------------------------------------------------------------
def _consequences(kind: OrderKind, row: PolicyRow, holds: Holds) -> list[str]:
    said = {
        OrderKind.FAILOVER: _of_failover,
        OrderKind.FAILBACK: _of_failback,
        OrderKind.PIN: _of_pin,
        OrderKind.UNPIN: _of_unpin,
        OrderKind.PAUSE: _of_pause,
        OrderKind.RESUME: _of_resume,
    }[kind](row, holds)
    if kind in MOVES:
        said += _of_the_executor(row)
    return said


def _of_failover(row: PolicyRow, holds: Holds) -> list[str]:
    policy = row.policy
    if policy.failback_mode != "automatic":
        return [
            "The traffic moves once, and stays there until that path fails or is left by order."
        ]
    delay = words.duration(policy.failback_delay_secs)
    return [
        "The traffic moves once; then normal rules apply.",
        f"A better path gets it back after {delay} of health. To keep it there, pin it instead.",
    ]


def _of_failback(row: PolicyRow, holds: Holds) -> list[str]:
    name = row.hops[0].name if row.hops else "the primary"
    return [
        f"The traffic returns to {name} at once, without waiting for its return clock.",
        "Then normal rules apply: it is left again if it fails.",
    ]


def _of_pin(row: PolicyRow, holds: Holds) -> list[str]:
    said = ["The traffic moves there if it is elsewhere, and stays while the pin holds."]
    said.append("Degradation, maintenance and returns move nothing meanwhile.")
    if holds.pin:
        name = dict(row.policy.members).get(holds.pin["path_key"], "another path")
        said.append(f"It replaces the pin on {name} by {holds.pin['actor']}.")
    return said


def _of_unpin(row: PolicyRow, holds: Holds) -> list[str]:
    said = ["Normal rules apply again; return clocks kept running meanwhile."]
    if holds.pin:
        name = dict(row.policy.members).get(holds.pin["path_key"], "a path")
        said.insert(0, f"Pinned to {name} by {holds.pin['actor']}: {holds.pin['reason']}")
    return said


def _of_pause(row: PolicyRow, holds: Holds) -> list[str]:
    name = row.active.name if row.active else "the active path"
    said = [
        f"Nothing moves while the pause holds, not even when {name} dies.",
        "Measuring, alerts and events go on.",
    ]
    if holds.pause:
        said.append(f"It replaces the pause by {holds.pause['actor']}.")
    return said


def _of_resume(row: PolicyRow, holds: Holds) -> list[str]:
    said = ["The rules act again from the next round on, within a second or two."]
    if row.policy.reason:
        said.insert(0, row.policy.reason)
    return said


def _of_the_executor(row: PolicyRow) -> list[str]:
    routes = words.count(len(row.policy.routes), "route")
    if row.policy.executor == "dry_run":
        return [f"Executor “Dry run”: the switch of {routes} is recorded, no route is changed."]
    kind = EXECUTORS.get(row.policy.executor)
    return [f"Executor “{kind.label if kind else row.policy.executor}”: it changes {routes}."]
