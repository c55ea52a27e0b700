"""Answers to the polling of live pages: only what has changed, or nothing at all.

Every live element carries an ``id`` and ``data-v``, a checksum of the values it shows.
All of them together are the revision of a page. The browser says which revision it has;
an unchanged page costs an empty 204, a changed one only the rows that differ.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string

_KEYED = re.compile(r'id="([^"]+)"\s+data-v="([^"]*)"')
REMEMBER_SECS = 120
"""A browser that polls less often than this gets every row again."""


class LiveRow(Protocol):
    """A row of a live table."""

    @property
    def dom_id(self) -> str:
        """Its id in the page."""
        ...

    @property
    def v(self) -> str:
        """The checksum of what it shows."""
        ...


def checksum(*values: object) -> str:
    """A short text that differs when any of the shown ``values`` does."""
    return f"{zlib.crc32(repr(values).encode()):x}"


def is_poll(request: HttpRequest) -> bool:
    """True for a request by the page itself, False for somebody who opened the address."""
    return request.headers.get("HX-Request") == "true"


def to_page(url: str, request: HttpRequest) -> HttpResponse:
    """Where a fragment's address leads somebody who opens it by hand: the page itself."""
    query = request.GET.copy()
    query.pop("rev", None)
    return HttpResponseRedirect(f"{url}?{query.urlencode()}" if query else url)


def live_answer(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    now: float,
    rows: Sequence[LiveRow] = (),
) -> HttpResponse:
    """The fragment ``template`` with those of ``rows`` that the browser does not have yet.

    ``context`` is extended by ``rows`` (to be drawn) and ``order`` (ids of all rows).
    """
    wanted = {row.dom_id: row.v for row in rows}
    known = _remembered(request.GET.get("rev", ""))
    changed = [row for row in rows if known.get(row.dom_id) != row.v]
    html = render_to_string(template, {**context, "rows": changed, "order": list(wanted)}, request)
    response = HttpResponse(html)
    revision = remember(html, wanted)
    if revision == request.GET.get("rev"):
        response = HttpResponse(status=204)
    return stamp(response, revision, now)


def live_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    now: float,
    rows: Sequence[LiveRow] = (),
) -> HttpResponse:
    """A whole page with the same context, so that it works without scripts too."""
    order = [row.dom_id for row in rows]
    return render(request, template, {**context, "rows": rows, "order": order, "now": now})


def remember(html: str, rows: Mapping[str, str]) -> str:
    """The revision of a page that shows ``html`` and ``rows``; its rows are kept for a while."""
    shown = {**dict(_KEYED.findall(html)), **rows}
    revision = checksum(sorted(shown.items()))
    if rows:
        cache.set(f"live:{revision}", dict(rows), REMEMBER_SECS)
    return revision


def stamp(response: HttpResponse, revision: str, now: float) -> HttpResponse:
    """Say which revision this is, and what time the server has."""
    response["X-Rev"] = revision
    response["X-Server-Time"] = f"{now:.3f}"
    response["Vary"] = "HX-Request, Cookie"
    return response


def _remembered(revision: str) -> dict[str, str]:
    return cache.get(f"live:{revision}", {}) if revision else {}
