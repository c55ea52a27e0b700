"""The list of paths and the page of one path: read the clock, ask the selectors, draw.

What belongs to other parts of the product comes through ``neighbours`` (see
``health.console.neighbours``), handed in by the composition root with the addresses.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from health.console import path_page
from health.console.access import may, needs
from health.console.charts.buckets import SPANS, span_asked
from health.console.live import is_poll, live_answer, live_page, to_page
from health.console.neighbours import Neighbours
from health.console.rows import PathRow, path_row, path_rows
from health.console.tables import PathTable, table_of
from health.models import Path
from health.selectors.current import current_paths
from health.selectors.history import status_changes

STATUS_CHANGES = 10


@require_safe
@needs("health.view_path")
def paths(request: HttpRequest, neighbours: Neighbours) -> HttpResponse:
    """``/paths/``: every path, worst first."""
    now = time.time()
    table = _table(request, neighbours, now)
    context = {"table": table, "live_url": reverse("paths-live")}
    return live_page(request, "health/paths.html", context, now=now, rows=table.rows)


@require_safe
@needs("health.view_path")
def paths_live(request: HttpRequest, neighbours: Neighbours) -> HttpResponse:
    """What has changed in the list of paths."""
    if not is_poll(request):
        return to_page(reverse("paths"), request)
    now = time.time()
    table = _table(request, neighbours, now)
    return live_answer(request, "health/_paths.html", {"table": table}, now=now, rows=table.rows)


def _table(request: HttpRequest, neighbours: Neighbours, now: float) -> PathTable:
    paused = neighbours.paths_in_maintenance(now=timezone.now())
    found = current_paths(now=now, paused=paused)
    return table_of(path_rows(found, now=now, paused=paused), request.GET)


@require_safe
@needs("health.view_path")
def path(request: HttpRequest, path_id: int, neighbours: Neighbours) -> HttpResponse:
    """``/paths/<id>/``: state, chart, score, targets, policies, configuration."""
    now = time.time()
    row = _row(path_id, neighbours, now)
    chart = path_page.figure(row.path, span_asked(request.GET), neighbours, now=now)
    context = {
        **_summary(row),
        "chart": chart,
        "span": chart.span,
        "spans": list(SPANS.values()),
        "live_url": reverse("path-live", args=[path_id]),
        "chart_url": reverse("path-chart", args=[path_id]),
        "policies": neighbours.policies_of(path_id),
        "changes": path_page.changes(status_changes(path_id, limit=STATUS_CHANGES)),
        "configuration": path_page.configuration(row.path),
        "may_edit": may(request.user, "health.change_path"),
    }
    return live_page(request, "health/path.html", context, now=now)


@require_safe
@needs("health.view_path")
def path_live(request: HttpRequest, path_id: int, neighbours: Neighbours) -> HttpResponse:
    """What has changed about one path, but for its chart."""
    if not is_poll(request):
        return to_page(reverse("path", args=[path_id]), request)
    now = time.time()
    row = _row(path_id, neighbours, now)
    changes = path_page.changes(status_changes(path_id, limit=STATUS_CHANGES))
    context = {**_summary(row), "changes": changes}
    return live_answer(request, "health/_path.html", context, now=now)


@require_safe
@needs("health.view_path")
def path_chart(request: HttpRequest, path_id: int, neighbours: Neighbours) -> HttpResponse:
    """The chart of one path, drawn anew."""
    if not is_poll(request):
        return to_page(reverse("path", args=[path_id]), request)
    now = time.time()
    row = _row(path_id, neighbours, now)
    figure = path_page.figure(row.path, span_asked(request.GET), neighbours, now=now)
    context = {"row": row, "chart": figure}
    return live_answer(request, "health/_path_chart.html", context, now=now)


def _row(path_id: int, neighbours: Neighbours, now: float) -> PathRow:
    paused = neighbours.paths_in_maintenance(now=timezone.now())
    found = current_paths(now=now, paused=paused, only=Path.objects.filter(pk=path_id))
    if not found:
        raise Http404(f"There is no path {path_id}.")
    return path_row(found[0], now=now, in_maintenance=path_id in paused)


def _summary(row: PathRow) -> dict[str, Any]:
    return {
        "row": row,
        "score": path_page.score_card(row.path),
        "targets": path_page.targets(row.path),
    }
