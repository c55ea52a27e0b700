"""A django-q2 cluster that ends when told to and notices when it has died inside.

Three measured defects of the plain ``qcluster`` are avoided here
(docs/architecture.md): it hangs on a SIGTERM to its process group, it leaves
orphans that go on working when its main process or its sentinel is killed, and
it never works again when an *idle* worker is killed, because that worker takes
the lock of the task queue with it. The first is cured by doing nothing in the
signal handler, the second by PR_SET_PDEATHSIG, the third by a canary: a task
that does nothing, sent every few seconds; when none comes back, the cluster is
ended and whoever supervises it starts it anew.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from dataclasses import dataclass

from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.tasks import async_task

from sdwan_site.processes.parent_death import make_forks_die_with_parent

log = logging.getLogger(__name__)

EXIT_UNHEALTHY = 70
"""Exit code when the cluster must be started anew (EX_SOFTWARE of sysexits.h)."""
CANARY_EVERY_SECS = 3.0
CANARY_PATIENCE_SECS = 10.0
LAST_TASK_SECS = 10.0
"""How long a stopping cluster may still work on its tasks."""

# Made before any fork, without a lock: a signal handler and a killed worker
# must never be able to block on them.
_stop_requested = multiprocessing.RawValue("b", 0)
_canary_seen_at = multiprocessing.RawValue("d", 0.0)


def stop_requested() -> bool:
    """True in every process of a cluster that has been told to end."""
    return bool(_stop_requested.value)


def note_canary() -> None:
    """The canary task: proof that a task sent now is worked on."""
    _canary_seen_at.value = time.monotonic()


class PathwardenCluster(Cluster):  # type: ignore[misc]  # django-q2 is untyped
    """The cluster whose queue is named by Q_CLUSTER_NAME."""

    def sig_handler(self, signum: int, frame: object) -> None:
        """Only note the wish: stopping waits for locks, which a handler must not."""
        _stop_requested.value = 1


def run_cluster() -> int:
    """Run a cluster in the foreground until SIGTERM or SIGINT; returns the exit code."""
    cluster = PathwardenCluster()
    make_forks_die_with_parent()
    _give_sentinel_its_own_group()
    cluster.start()
    watch = _CanaryWatch()
    while not stop_requested():
        cluster.sentinel.join(0.25)
        if not cluster.sentinel.is_alive():
            log.error("the sentinel of cluster %s has died", Conf.CLUSTER_NAME)
            return EXIT_UNHEALTHY
        if watch.is_overdue(time.monotonic()):
            log.error(
                "cluster %s has not worked on a task for %.0f s and is started anew",
                Conf.CLUSTER_NAME,
                CANARY_PATIENCE_SECS,
            )
            cluster.sentinel.kill()  # its children die with it
            return EXIT_UNHEALTHY
    _stop(cluster)
    return 0


def _give_sentinel_its_own_group() -> None:
    """Signals to the group (Ctrl-C, ``kill -- -PGID``) then reach this process alone."""
    main_pid = os.getpid()

    def leave_group() -> None:
        if os.getppid() == main_pid:  # workers stay with their sentinel
            os.setpgid(0, 0)

    os.register_at_fork(after_in_child=leave_group)


def _stop(cluster: PathwardenCluster) -> None:
    """Let tasks end, but not for ever."""
    cluster.stop_event.set()
    cluster.sentinel.join(LAST_TASK_SECS)
    if cluster.sentinel.is_alive():
        log.warning("cluster %s did not end in time and is killed", Conf.CLUSTER_NAME)
        cluster.sentinel.kill()


@dataclass(slots=True)
class _CanaryWatch:
    """Sends canaries and says when none has come back for too long."""

    sent_at: float = 0.0
    waiting_since: float | None = None

    def is_overdue(self, now: float) -> bool:
        if self.waiting_since is not None and _canary_seen_at.value >= self.waiting_since:
            self.waiting_since = None
        if now - self.sent_at >= CANARY_EVERY_SECS and self.waiting_since is None:
            self.sent_at = self.waiting_since = now
            self._send()
        return self.waiting_since is not None and now - self.waiting_since > CANARY_PATIENCE_SECS

    def _send(self) -> None:
        try:
            async_task(
                "sdwan_site.processes.cluster.note_canary",
                q_options={"cluster": Conf.CLUSTER_NAME, "save": False, "group": "canary"},
            )
        except Exception as error:
            # The broker being away is no defect of the workers; the next one tells.
            log.warning("no canary could be sent: %s", error)
            self.waiting_since = None
