"""Overview, policies and events: read the clock, ask the selectors, draw a page."""

from __future__ import annotations

import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from failover import selectors
from failover.console.charts import policy_chart
from failover.console.event_filter import EventFilterForm
from failover.console.kpis import day_counts, overview_kpis
from failover.console.order_dialog import Holds, actions
from failover.console.plans import plan_texts
from failover.console.policy_rows import PolicyRow, policy_row, policy_rows
from failover.console.timeline import PAGE, Entry, event_entry, latest, timeline, told
from failover.console.verdict import verdict
from failover.executors import EXECUTORS
from failover.models import FailoverEvent, FailoverState
from health.console.access import may, needs
from health.console.charts.buckets import SPANS, span_asked
from health.console.charts.shares import share_bar
from health.console.live import checksum, is_poll, live_answer, live_page, to_page
from health.console.rows import PathRow, path_rows
from health.console.tables import PathTable, table_of
from health.models import Path
from health.selectors.current import current_paths

RECENT_EVENTS = 12
FEWEST_EVENTS = 5
"""The card of events is about as high as the card of policies beside it."""
HISTORY_EVENTS = 12
EVENTS_IN_CHART = 200

reads_paths = needs("health.view_path")
reads_policies = needs("failover.view_failoverpolicy")
reads_events = needs("failover.view_failoverevent")


@require_safe
@reads_paths
def overview(request: HttpRequest) -> HttpResponse:
    """``/``: the verdict, policies, recent events, and all paths worst first."""
    now = time.time()
    context, table = _overview(request, now)
    return live_page(request, "failover/overview.html", context, now=now, rows=table.rows)


@require_safe
@reads_paths
def overview_live(request: HttpRequest) -> HttpResponse:
    """What has changed on the overview."""
    if not is_poll(request):
        return to_page(reverse("overview"), request)
    now = time.time()
    context, table = _overview(request, now)
    return live_answer(request, "failover/_overview.html", context, now=now, rows=table.rows)


def _overview(request: HttpRequest, now: float) -> tuple[dict[str, Any], PathTable]:
    moment = timezone.now()
    paused = selectors.paths_in_maintenance(now=moment)
    rows = path_rows(current_paths(now=now, paused=paused), now=now, paused=paused)
    table = table_of(rows, request.GET)
    policies = policy_rows(selectors.policies_now(), _by_key(rows))
    said = verdict(table.counts, policies)
    room = min(RECENT_EVENTS, max(FEWEST_EVENTS, len(policies)))
    events, day = latest(limit=room, counts=day_counts(now=moment))
    context = {
        "table": table,
        "live_url": reverse("overview-live"),
        "verdict": said,
        "verdict_v": checksum(said),
        "share_bar": share_bar(table.counts),
        "kpis": overview_kpis(policies, table.counts, day),
        "policies": policies,
        "events": events,
    }
    return context, table


@require_safe
@reads_policies
def policies(request: HttpRequest) -> HttpResponse:
    """``/policies/``: every policy with its chain."""
    now = time.time()
    rows = _all_policy_rows(now)
    context = {"policies": rows, "live_url": reverse("policies-live")}
    return live_page(request, "failover/policies.html", context, now=now)


@require_safe
@reads_policies
def policies_live(request: HttpRequest) -> HttpResponse:
    """What has changed in the list of policies."""
    if not is_poll(request):
        return to_page(reverse("policies"), request)
    now = time.time()
    context = {"policies": _all_policy_rows(now)}
    return live_answer(request, "failover/_policies.html", context, now=now)


def _all_policy_rows(now: float) -> list[PolicyRow]:
    found = selectors.policies_now()
    members = {path_id for policy in found for path_id, _ in policy.members}
    return policy_rows(found, _by_key(_rows_of(members, now)))


@require_safe
@reads_policies
def policy(request: HttpRequest, policy_id: int) -> HttpResponse:
    """``/policies/<id>/``: where its traffic is, why, and what happened."""
    return policy_page(request, policy_id, {})


def policy_page(request: HttpRequest, policy_id: int, more: dict[str, Any]) -> HttpResponse:
    """The page of a policy, with ``more`` in its dialog when there are no scripts."""
    now = time.time()
    row = policy_row_of(policy_id, now)
    recent = selectors.recent_events(limit=EVENTS_IN_CHART, policy_id=policy_id)
    chart = policy_chart(row.policy, recent, span_asked(request.GET), now=now)
    fragment = reverse("policy-live", args=[policy_id])
    context = {
        **_about_policy(request, row),
        # The range that was found stays while the page is open.
        "live_url": fragment if request.GET else f"{fragment}?range={chart.span.key}",
        "chart": chart,
        "spans": list(SPANS.values()),
        "history": _history(recent),
        "executor": EXECUTORS[row.policy.executor].label,
        "may_edit": may(request.user, "failover.change_failoverpolicy"),
        **more,
    }
    return live_page(request, "failover/policy.html", context, now=now)


@require_safe
@reads_policies
def policy_live(request: HttpRequest, policy_id: int) -> HttpResponse:
    """What has changed about one policy."""
    if not is_poll(request):
        return to_page(reverse("policy", args=[policy_id]), request)
    now = time.time()
    row = policy_row_of(policy_id, now)
    recent = selectors.recent_events(limit=EVENTS_IN_CHART, policy_id=policy_id)
    context = {
        **_about_policy(request, row),
        "chart": policy_chart(row.policy, recent, span_asked(request.GET), now=now),
        "spans": list(SPANS.values()),
        "history": _history(recent),
    }
    return live_answer(request, "failover/_policy.html", context, now=now)


def _about_policy(request: HttpRequest, row: PolicyRow) -> dict[str, Any]:
    if not may(request.user, "failover.operate_failoverpolicy"):
        return {"row": row}
    return {"row": row, "actions": actions(row, holds_of(row.policy.policy_id))}


def holds_of(policy_id: int) -> Holds:
    """The pin and pause of a policy, as they were stored last."""
    record = FailoverState.objects.filter(policy=policy_id).values_list("record", flat=True).first()
    return Holds((record or {}).get("pin"), (record or {}).get("pause"))


@require_safe
@reads_policies
def policy_plan(request: HttpRequest, policy_id: int) -> HttpResponse:
    """What each switch of the policy would change."""
    if not is_poll(request):
        return to_page(reverse("policy", args=[policy_id]), request)
    found = get_object_or_404(selectors.policies_with_members(), pk=policy_id)
    return render(request, "failover/_plan.html", {"plans": plan_texts(found)})


def _history(events: list[FailoverEvent]) -> list[Entry]:
    return [event_entry(event) for event in told(events)[:HISTORY_EVENTS]]


def policy_row_of(policy_id: int, now: float) -> PolicyRow:
    """The row of one policy; 404 when there is none."""
    found = selectors.policies_now([policy_id])
    if not found:
        raise Http404(f"There is no policy {policy_id}.")
    members = {path_id for path_id, _ in found[0].members}
    return policy_row(found[0], _by_key(_rows_of(members, now)))


@require_safe
@reads_events
def events(request: HttpRequest) -> HttpResponse:
    """``/events/``: what happened, by day."""
    now = time.time()
    form = EventFilterForm(request.GET)
    found = timeline(form.wanted()) if form.is_valid() else []
    context = {
        **_events_context(found),
        "form": form,
        "live_url": "" if request.GET.get("before") else reverse("events-live"),
    }
    return live_page(request, "failover/events.html", context, now=now)


@require_safe
@reads_events
def events_live(request: HttpRequest) -> HttpResponse:
    """The newest entries of the list."""
    if not is_poll(request):
        return to_page(reverse("events"), request)
    form = EventFilterForm(request.GET)
    found = timeline(form.wanted()) if form.is_valid() else []
    return live_answer(request, "failover/_events.html", _events_context(found), now=time.time())


def _events_context(found: list[Entry]) -> dict[str, Any]:
    return {
        "events": found,
        "older_than": found[-1].cursor if len(found) == PAGE else "",
    }


def _rows_of(path_ids: set[int], now: float) -> list[PathRow]:
    paused = selectors.paths_in_maintenance(now=timezone.now())
    only = Path.objects.filter(pk__in=path_ids)
    return path_rows(current_paths(now=now, paused=paused, only=only), now=now, paused=paused)


def _by_key(rows: list[PathRow]) -> dict[int, PathRow]:
    return {row.path.path_id: row for row in rows}
