"""Canaries: tasks that do nothing, by which a cluster notices that it has died inside.

An idle worker that is killed takes the lock of the task queue with it, and nothing is
worked on any more; every process still lives. Only silence shows it. Silence has two
innocent causes, which must not end a healthy cluster and the monitor with it: the
broker is away or locked, so that nobody gets tasks, or all workers work.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Callable

from django_q.conf import Conf
from django_q.signals import post_execute_in_worker, pre_execute
from django_q.tasks import async_task

log = logging.getLogger(__name__)

PROMPT_SECS = 1.0
"""Sending a canary that takes longer shows that the broker is away or locked."""
CANARY_PATIENCE_SECS = 10.0
PATIENCE_AFTER_TROUBLE_SECS = 30.0
"""django-q2's pusher pauses for 10 s after an error of the broker, and is then replaced."""
PATIENCE_WITH_A_TASK_SECS = 300.0
"""Longer than any task of ours takes but the monitor, which is left out."""
ENDLESS_TASK = "sdwan_site.tasks.ensure_monitor"
CANARY_TASK = "sdwan_site.processes.canary.note_canary"

# Made before any fork, without a lock: a killed worker must not be able to block them.
_last_sign_at = multiprocessing.RawValue("d", 0.0)
_task_under_way = multiprocessing.RawValue("b", 0)


def note_canary() -> None:
    """The canary itself; that it was begun and ended is all that counts."""


def note_work() -> None:
    """Have every worker that is forked from now on tell when it begins and ends a task."""
    pre_execute.connect(_task_begins, dispatch_uid="pathwarden.canary")
    post_execute_in_worker.connect(_task_ends, dispatch_uid="pathwarden.canary")


def _task_begins(task: dict[str, object], **_: object) -> None:
    _task_under_way.value = task["func"] not in (ENDLESS_TASK, CANARY_TASK)
    _last_sign_at.value = time.monotonic()


def _task_ends(**_: object) -> None:
    _task_under_way.value = 0
    _last_sign_at.value = time.monotonic()


def is_silent_too_long(
    now: float, *, last_sign_at: float, last_trouble_at: float, task_under_way: bool
) -> bool:
    """True when a cluster that could have worked has shown no sign of life for too long.

    All are monotonic seconds. ``last_sign_at``: a task began or ended, or the first one
    was sent; ``last_trouble_at``: the broker was seen away or locked.
    """
    patience = CANARY_PATIENCE_SECS
    if task_under_way:
        patience = PATIENCE_WITH_A_TASK_SECS
    elif last_trouble_at > last_sign_at:
        patience = PATIENCE_AFTER_TROUBLE_SECS
    return now - max(last_sign_at, last_trouble_at) > patience


class Canaries:
    """Sends canaries from a thread of its own: a locked database must block nobody else."""

    def __init__(self, send: Callable[[], None], *, every_secs: float) -> None:
        self._send = send
        self._every_secs = every_secs
        self._first_sent_at: float | None = None
        self._trouble_at = 0.0
        self._sending_since: float | None = None

    def start(self) -> None:
        """Send from now on; ends with the process. Call it when all forks are made."""
        threading.Thread(target=self._run, name="canaries", daemon=True).start()

    def are_overdue(self, now: float) -> bool:
        """True when none has come back for too long at ``now`` (monotonic seconds)."""
        if self._first_sent_at is None:
            return False
        return is_silent_too_long(
            now,
            last_sign_at=max(_last_sign_at.value, self._first_sent_at),
            last_trouble_at=self._last_trouble_at(now),
            task_under_way=bool(_task_under_way.value),
        )

    def _last_trouble_at(self, now: float) -> float:
        since = self._sending_since
        if since is not None and now - since > PROMPT_SECS:
            return now
        return self._trouble_at

    def _run(self) -> None:
        while True:
            self._send_one()
            time.sleep(self._every_secs)

    def _send_one(self) -> None:
        began_at = self._sending_since = time.monotonic()
        try:
            self._send()
        except Exception as error:
            # The broker being away is no defect of the workers; the next one tells.
            log.warning("no canary could be sent: %s", error)
            self._trouble_at = time.monotonic()
        else:
            sent_at = time.monotonic()
            self._first_sent_at = self._first_sent_at or sent_at
            if sent_at - began_at > PROMPT_SECS:
                self._trouble_at = sent_at
        self._sending_since = None


def send_canary() -> None:
    """Put a canary into this cluster's own queue."""
    async_task(
        CANARY_TASK,
        q_options={"cluster": Conf.CLUSTER_NAME, "save": False, "group": "canary"},
    )
