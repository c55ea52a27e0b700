"""What a starting worker of a cluster asks for.

Loaded into every process that sets up Django, the web process too: the monitor with
all it needs (netlink, name servers) must not be imported from here before it is wanted.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django_q.conf import Conf

log = logging.getLogger(__name__)


def on_worker_spawn(**_: Any) -> None:
    """A worker of a vantage's cluster asks for a monitor as soon as it lives.

    So start and healing after a crash do not wait for the scheduler, which
    looks every 30 seconds only.
    """
    if settings.DEFAULT_CLUSTER == Conf.CLUSTER_NAME:
        return
    from sdwan_site.tasks import enqueue_ensure_monitor

    try:
        enqueue_ensure_monitor(Conf.CLUSTER_NAME, settings.MONITOR_LOOP_SECS)
    except Exception as error:
        # A worker that can't reach the broker yet must still come up; the
        # scheduler asks again within a minute.
        log.warning("the monitor could not be asked for: %s", error)
