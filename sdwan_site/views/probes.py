"""What load balancers and supervisors ask: is the process alive, is the product ready.

Without a session, so only a word is answered: no version, no names, no reason.
"""

from __future__ import annotations

import time

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from health.selectors.current import current_monitors

PLAIN = "text/plain; charset=utf-8"


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: the process answers. Nothing else is looked at."""
    return HttpResponse("ok\n", content_type=PLAIN)


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: the database answers and every monitor keeps its lease; 503 otherwise."""
    try:
        monitors = current_monitors(now=time.time())
        ready = bool(monitors) and all(monitor.alive for monitor in monitors)
    except DatabaseError:
        ready = False
    if ready:
        return HttpResponse("ready\n", content_type=PLAIN)
    return HttpResponse("not ready\n", status=503, content_type=PLAIN)
