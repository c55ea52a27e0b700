"""The pages of paths and of the system: read the clock, ask the selectors, draw.

What belongs to other parts of the product comes through ``neighbours`` (see
``health.console.neighbours``), handed in by the composition root with the addresses.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from health.console import path_page
from health.console.access import may, needs
from health.console.charts.buckets import SPANS, span_asked
from health.console.live import checksum, is_poll, live_answer, live_page, to_page
from health.console.neighbours import Neighbours
from health.console.probe_card import PARAMETER, ProbeCard, card_asked, card_of
from health.console.rows import PathRow, path_row, path_rows
from health.console.system_page import alarms, facts, host_card, queue_rows
from health.console.tables import PathTable, table_of
from health.console.uplink_rows import UplinkRow, uplink_row
from health.domain.probe_budget import metered_warning
from health.models import Path
from health.on_demand import orders
from health.selectors.budgets import budget_now, uplink_budgets
from health.selectors.current import current_paths
from health.selectors.history import status_changes
from health.selectors.system import probe_hosts, system_now
from health.selectors.uplinks import current_uplinks, recent_traffic

STATUS_CHANGES = 10
PROBE_WAIT_SECS = 0.8
"""How long an answer waits for a measurement; the fragment asks again until it has ended."""
PAGE_WAIT_SECS = 3.0
"""The same for a browser without scripts, which does not ask again."""


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
    budget = budget_now(row.path)
    context = {
        **_summary(row),
        "chart": chart,
        "span": chart.span,
        "spans": list(SPANS.values()),
        "live_url": reverse("path-live", args=[path_id]),
        "chart_url": reverse("path-chart", args=[path_id]),
        "policies": neighbours.policies_of(path_id),
        "changes": path_page.changes(status_changes(path_id, limit=STATUS_CHANGES)),
        "configuration": path_page.configuration(row.path, budget),
        "budget_warning": metered_warning(budget) if row.path.is_metered else "",
        "may_edit": may(request.user, "health.change_path"),
        "may_probe": may(request.user, "health.probe_path"),
        "probe_url": reverse("path-probe", args=[path_id]),
        "probe": card_asked(path_id, request.GET.get(PARAMETER, ""), now=now),
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


@require_POST
@needs("health.probe_path")
def path_probe(request: HttpRequest, path_id: int, neighbours: Neighbours) -> HttpResponse:
    """Order a few probes of one path."""
    path = get_object_or_404(Path.objects.select_related("uplink__vantage"), pk=path_id)
    actor, count = request.user.get_username(), orders.DEFAULT_COUNT
    try:
        order = orders.place_order(path, actor=actor, count=count, now=time.time())
    except orders.OrderRefused as refusal:
        return _probe(request, ProbeCard(str(refusal), is_problem=True))
    if not is_poll(request):
        orders.wait_for(order, patience_secs=PAGE_WAIT_SECS)
        page = reverse("path", args=[path_id])
        return HttpResponseRedirect(f"{page}?{PARAMETER}={order.uid}")
    return _probe(request, card_of(orders.wait_for(order, patience_secs=PROBE_WAIT_SECS)))


@require_safe
@needs("health.view_path")
def path_probe_result(
    request: HttpRequest, path_id: int, uid: uuid.UUID, neighbours: Neighbours
) -> HttpResponse:
    """How far an order is."""
    if not is_poll(request):
        return to_page(reverse("path", args=[path_id]), request)
    order = orders.order_of(path_id, uid, now=time.time())
    if order is None:
        raise Http404(f"There is no measurement {uid} of path {path_id}.")
    return _probe(request, card_of(orders.wait_for(order, patience_secs=PROBE_WAIT_SECS)))


def _probe(request: HttpRequest, card: ProbeCard) -> HttpResponse:
    return render(request, "health/_probe.html", {"probe": card})


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


@require_safe
@needs("health.view_monitorlease")
def system(request: HttpRequest, neighbours: Neighbours) -> HttpResponse:
    """``/system/``: probe hosts with engine and uplinks, and what they all run on."""
    now = time.time()
    context = {
        **_system(now),
        "live_url": reverse("system-live"),
        "may_edit": may(request.user, "health.change_uplink"),
    }
    return live_page(request, "health/system.html", context, now=now)


@require_safe
@needs("health.view_monitorlease")
def system_live(request: HttpRequest, neighbours: Neighbours) -> HttpResponse:
    """What has changed on the page of the system."""
    if not is_poll(request):
        return to_page(reverse("system"), request)
    now = time.time()
    return live_answer(request, "health/_system.html", _system(now), now=now)


def _system(now: float) -> dict[str, Any]:
    hosts = probe_hosts(now=now)
    rest = system_now(now=dt.datetime.fromtimestamp(now, dt.UTC))
    queues, lines = queue_rows(rest.queues), facts(rest)
    raised = alarms(hosts, rest)
    traffic, budgets = recent_traffic(now=now), uplink_budgets()
    by_host: dict[int, list[UplinkRow]] = {}
    for uplink in current_uplinks(now=now):
        key = uplink.row.pk
        row = uplink_row(uplink, traffic.get(key, ()), budgets.get(key, ()))
        by_host.setdefault(uplink.row.vantage_id, []).append(row)
    cards = [host_card(host, by_host.get(host.key, ())) for host in hosts]
    return {
        "hosts": sorted(cards, key=lambda card: card.epoch is None),
        "alarms": raised,
        "alarms_v": checksum(raised),
        "queues": queues,
        "facts": lines,
        "rest_v": checksum(queues, lines),
        "now": now,
    }
