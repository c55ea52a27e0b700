"""``/metrics``: one scrape gives everything; ``/metrics/app``: the web process alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from export.access import bears_token, client_address, within
from export.collectors import all_families
from export.exposition import Exposition, Format, negotiate

View = Callable[[HttpRequest], HttpResponse]


def scrapers_only(view: View) -> View:
    """Without a session: the token or the network opens the door."""

    @login_not_required
    @require_safe
    @never_cache
    @gzip_page
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        return view(request) if _may_scrape(request) else _refusal()

    return guarded


@scrapers_only
def metrics(request: HttpRequest) -> HttpResponse:
    """Our series, then those of django-prometheus' registry, as one valid exposition."""
    form = negotiate(request.headers.get("Accept", ""))
    exposition = Exposition(form)
    for metric, samples in all_families(time.time()):
        exposition.add(metric, samples)
    return HttpResponse(exposition.body(_registry_text(form)), content_type=form.content_type)


@scrapers_only
def app_metrics(request: HttpRequest) -> HttpResponse:
    """django-prometheus' own view."""
    answer: HttpResponse = ExportToDjangoView(request)
    return answer


def _registry_text(form: Format) -> bytes:
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        # Several web processes: their files hold what no single registry knows.
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    generate = generate_openmetrics if form.is_openmetrics else generate_text
    text: bytes = generate(registry)
    return text


def _may_scrape(request: HttpRequest) -> bool:
    if bears_token(request.headers.get("Authorization", ""), settings.METRICS_TOKEN):
        return True
    trusted = settings.TRUSTED_PROXIES if settings.HTTPS == "proxy" else ()
    address = client_address(
        request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For"), trusted
    )
    return within(address, settings.METRICS_ALLOW)


def _refusal() -> HttpResponse:
    if settings.METRICS_TOKEN:
        return HttpResponse(
            "Send the token of PATHWARDEN_METRICS_TOKEN as Authorization: Bearer.\n",
            content_type="text/plain; charset=utf-8",
            status=HTTPStatus.UNAUTHORIZED,
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )
    return HttpResponse(
        "Your address is not in PATHWARDEN_METRICS_ALLOW, and there is no "
        "PATHWARDEN_METRICS_TOKEN; set one of them.\n",
        content_type="text/plain; charset=utf-8",
        status=HTTPStatus.FORBIDDEN,
    )
