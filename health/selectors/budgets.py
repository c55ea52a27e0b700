"""The probe budget of paths as they are configured or probed now; the sums are in the domain."""

from __future__ import annotations

from collections.abc import Mapping

from health.domain.probe_budget import BudgetTarget, ProbeBudget, probe_budget
from health.models import Path
from health.selectors.current import PathNow


def path_budget(row: Path, in_force: Mapping[int, float] | None = None) -> ProbeBudget:
    """What ``row`` costs; no query when targets and profile are there already.

    ``in_force`` are intervals in milliseconds by key of target where they differ from
    the profile's, because many paths probe one destination.
    """
    interval_ms = row.probe_profile.interval_ms
    told = in_force or {}
    targets = (
        BudgetTarget(target.address, told.get(target.pk) or interval_ms, target.request)
        for target in row.targets.all()
    )
    return probe_budget(row.kind, targets)


def budget_now(path: PathNow) -> ProbeBudget:
    """What ``path`` costs with the intervals in force; two queries."""
    row = Path.objects.select_related("probe_profile").prefetch_related("targets")
    told = {target["key"]: target.get("interval_ms") or 0 for target in path.targets}
    return path_budget(row.get(pk=path.path_id), told)


def uplink_budgets() -> dict[int, list[ProbeBudget]]:
    """The budgets of the enabled paths of each metered uplink, by its key; two queries."""
    rows = (
        Path.objects.filter(enabled=True, uplink__metered=True)
        .select_related("probe_profile")
        .prefetch_related("targets")
    )
    found: dict[int, list[ProbeBudget]] = {}
    for row in rows:
        found.setdefault(row.uplink_id, []).append(path_budget(row))
    return found
