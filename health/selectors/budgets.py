"""The probe budget of paths as they are configured or probed now; the sums are in the domain."""

from __future__ import annotations

from health.domain.probe_budget import BudgetTarget, ProbeBudget, probe_budget
from health.models import Path
from health.selectors.current import PathNow


def path_budget(row: Path) -> ProbeBudget:
    """What ``row`` costs as configured; no query when targets and profile are there already."""
    interval_ms = row.probe_profile.interval_ms
    targets = (
        BudgetTarget(target.address, interval_ms, target.request) for target in row.targets.all()
    )
    return probe_budget(row.kind, targets)


def budget_now(path: PathNow) -> ProbeBudget:
    """What ``path`` costs with the intervals in force, which differ from the profile's
    where many paths probe one destination."""
    told = {target["key"]: target.get("interval_ms") for target in path.targets}
    targets = (
        BudgetTarget(address, told.get(key) or path.interval_ms, request)
        for key, address, request in path.asked
    )
    return probe_budget(path.kind, targets)


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
