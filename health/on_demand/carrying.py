"""What the vantage does with an order: measure as a person asked, and write down what comes.

Runs in a worker of the vantage's own cluster. Nothing here touches the statistics of the
path. How many probes a destination gets follows the cap of the monitor: what its base
probes leave of ten a second, and one a second for a moment where they leave nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from health.domain.destination_cap import MAX_PROBES_PER_SEC, UNCAPPED_KINDS
from health.domain.measurement import Outcome
from health.models import OrderState, PathTarget, ProbeOrder
from health.on_demand.figures import figures, probe_figures
from health.on_demand.orders import START_WITHIN_SECS
from health.probers import PROBERS
from health.probers.base import ProberError, WireTarget
from health.probers.one_off import Attempt, by_target, measure, summarise
from health.probers.resolve import ResolveError, is_literal
from health.selectors.probe_plan import ProbePlan, family_of, probe_plan, probeable_address

SPACING_SECS = 0.2
WRITE_EVERY_SECS = 0.25


def carry_out(
    uid: str,
    *,
    clock: Callable[[], float],
    vantage: str,
    resolve_name: Callable[[str], str] = probeable_address,
) -> str:
    """Measure as ordered and write down what comes, as it comes; returns how it ended.

    ``clock`` gives seconds since 1970; ``vantage`` is the probe host this process runs on.
    """
    started_at = clock()
    took = ProbeOrder.objects.filter(
        uid=uid, state=OrderState.QUEUED, asked_at__gte=started_at - START_WITHIN_SECS
    ).update(state=OrderState.RUNNING, started_at=started_at)
    if not took:
        return "not wanted any more"
    order = ProbeOrder.objects.get(uid=uid)
    plan = probe_plan(order.path_id, now=started_at)
    if plan is None or plan.vantage != vantage:
        return _fail(order, f"{order.path} is not on probe host {vantage} any more: ask again.")
    try:
        prober = PROBERS[plan.kind].make()
    except ProberError as error:
        return _fail(order, str(error))
    report = _Report(order, plan, clock)
    with contextlib.closing(prober):
        places, wires = report.resolved(resolve_name)
        spacing, timeout_secs = spacing_secs(plan), plan.timeout_ms / 1000
        for attempt in measure(prober, wires, order.count, spacing, timeout_secs):
            report.add(attempt._replace(target=places[attempt.target]))
    return report.end()


def spacing_secs(plan: ProbePlan) -> float:
    """Seconds between two probes to a target, within the cap of each destination."""
    addresses = {target.address for target in plan.targets if not _is_own_host(target.address)}
    if plan.kind in UNCAPPED_KINDS:
        addresses = set()
    rates = dict.fromkeys(addresses, 0.0)
    rows = PathTarget.objects.filter(
        address__in=addresses, path__enabled=True, path__uplink__vantage__name=plan.vantage
    ).exclude(path__kind__in=UNCAPPED_KINDS)
    for address, interval_ms in rows.values_list("address", "path__probe_profile__interval_ms"):
        rates[address] += 1000 / interval_ms
    left = MAX_PROBES_PER_SEC - max(rates.values(), default=0.0)
    return max(SPACING_SECS, 1.0 / max(1.0, left))


def _is_own_host(address: str) -> bool:
    return is_literal(address) and ip_address(address).is_loopback


def _fail(order: ProbeOrder, why: str) -> str:
    """This host cannot probe at all."""
    # The end is written by whoever reads the clock last; a failure ends where it began.
    ProbeOrder.objects.filter(pk=order.pk).update(
        state=OrderState.FAILED, ended_at=order.started_at, detail=why[:400]
    )
    return f"failed: {why}"


class _Report:
    """What has been measured so far, written down every now and then."""

    def __init__(self, order: ProbeOrder, plan: ProbePlan, clock: Callable[[], float]) -> None:
        self._order = order
        self._plan = plan
        self._clock = clock
        self._attempts: list[Attempt] = []
        self._literal: dict[int, str] = {}
        self._written_at: float | None = None

    def resolved(self, resolve_name: Callable[[str], str]) -> tuple[list[int], list[WireTarget]]:
        """The targets that can be probed and their places; the others have ended with a reason."""
        places: list[int] = []
        wires: list[WireTarget] = []
        for place, target in enumerate(self._plan.targets):
            try:
                address = resolve_name(target.address)
            except ResolveError as error:
                self._unsent(place, str(error))
                continue
            self._literal[place] = address
            obstacle = self._plan.obstacles.get(family_of(address))
            if obstacle is not None:
                self._unsent(place, obstacle.sentence, obstacle.outcome)
                continue
            places.append(place)
            wires.append(self._plan.wire(target, address))
        return places, wires

    def add(self, attempt: Attempt) -> None:
        """One probe has ended."""
        self._attempts.append(attempt)
        now = self._clock()
        if self._written_at is None or abs(now - self._written_at) >= WRITE_EVERY_SECS:
            self._written_at = now
            self._write(result=self._result())

    def end(self) -> str:
        """All probes have ended."""
        values: dict[str, Any] = {
            "state": OrderState.DONE,
            "ended_at": self._clock(),
            "result": {**self._result(), "reachable": self._reachable()},
        }
        denied = [one for one in self._attempts if one.outcome is Outcome.DENIED]
        if denied and not any(one.outcome.is_measurement for one in self._attempts):
            values |= {"state": OrderState.FAILED, "detail": denied[0].detail[:400]}
        self._write(**values)
        return str(values["state"])

    def _unsent(self, place: int, why: str, outcome: Outcome = Outcome.MISCONFIGURED) -> None:
        self._attempts.append(Attempt(1, outcome, None, f"not sent: {why}", place))

    def _write(self, **values: Any) -> None:
        ProbeOrder.objects.filter(pk=self._order.pk, state=OrderState.RUNNING).update(**values)

    def _groups(self) -> list[list[Attempt]]:
        return by_target(self._attempts, len(self._plan.targets))

    def _reachable(self) -> bool | None:
        """As of a path: at least the quorum answers; None when that cannot be told."""
        summaries = [summarise(group) for group in self._groups()]
        quorum = self._plan.quorum
        if sum(one.received > 0 for one in summaries) >= quorum:
            return True
        silent = sum(one.sent > 0 and not one.received for one in summaries)
        return False if silent > len(summaries) - quorum else None

    def _result(self) -> dict[str, Any]:
        groups = self._groups()
        return {
            "kind": self._plan.kind,
            "reachable": None,
            **figures(self._attempts),
            "targets": [
                {
                    "target_id": target.key,
                    "address": target.address,
                    "resolved": self._literal.get(place),
                    "port": target.port,
                    **figures(groups[place]),
                    "probes": [probe_figures(one) for one in groups[place]],
                }
                for place, target in enumerate(self._plan.targets)
            ],
        }
