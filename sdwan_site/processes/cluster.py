"""A django-q2 cluster that ends when told to and notices when it has died inside.

Three measured defects of the plain ``qcluster`` are avoided here
(docs/architecture.md): it hangs on a SIGTERM to its process group, it leaves
orphans that go on working when its main process or its sentinel is killed, and
it never works again when an *idle* worker is killed, because that worker takes
the lock of the task queue with it. The first is cured by doing nothing in the
signal handler, the second by PR_SET_PDEATHSIG, the third by canaries
(``canary.py``): when none comes back, the cluster is ended and whoever
supervises it starts it anew.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import time
from datetime import UTC, datetime

from django.utils.translation import gettext
from django_q.brokers import get_broker
from django_q.cluster import Cluster
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from sdwan_site.processes.canary import CANARY_PATIENCE_SECS, Canaries, note_work, send_canary
from sdwan_site.processes.parent_death import make_forks_die_with_parent

log = logging.getLogger(__name__)

EXIT_UNHEALTHY = 70
"""Exit code when the cluster must be started anew (EX_SOFTWARE of sysexits.h)."""
CANARY_EVERY_SECS = 3.0
HOUSEKEEPING_WORKERS = 1
"""Nobody waits for its tasks. A vantage needs a second worker beside the monitor."""
LAST_TASK_SECS = 10.0
"""How long a stopping cluster may still work on its tasks."""

# Made before any fork, without a lock: a signal handler and a killed worker
# must never be able to block on it.
_stop_requested = multiprocessing.RawValue("b", 0)


def stop_requested() -> bool:
    """True in every process of a cluster that has been told to end."""
    return bool(_stop_requested.value)


class PathwardenCluster(Cluster):  # type: ignore[misc]  # django-q2 is untyped
    """The cluster whose queue is named by Q_CLUSTER_NAME."""

    def sig_handler(self, signum: int, frame: object) -> None:
        """Only note the wish: stopping waits for locks, which a handler must not."""
        _stop_requested.value = 1


def run_cluster() -> int:
    """Run a cluster in the foreground until SIGTERM or SIGINT; returns the exit code."""
    if Conf.CLUSTER_NAME == Conf.PREFIX:
        Conf.WORKERS = HOUSEKEEPING_WORKERS
    cluster = PathwardenCluster()
    make_forks_die_with_parent()
    _give_sentinel_its_own_group()
    note_work()
    _share_memory_with_forks()
    cluster.start()
    canaries = Canaries(send_canary, every_secs=CANARY_EVERY_SECS)
    canaries.start()
    while not stop_requested():
        cluster.sentinel.join(0.25)
        if not cluster.sentinel.is_alive():
            log.error("the sentinel of cluster %s has died", Conf.CLUSTER_NAME)
            return EXIT_UNHEALTHY
        if canaries.are_overdue(time.monotonic()):
            log.error(
                "cluster %s has worked on no task for more than %.0f s and is started anew",
                Conf.CLUSTER_NAME,
                CANARY_PATIENCE_SECS,
            )
            cluster.sentinel.kill()  # its children die with it
            return EXIT_UNHEALTHY
    _stop(cluster)
    return 0


def _share_memory_with_forks() -> None:
    """Keep the pages of what is imported by now shared by all processes of the cluster.

    The garbage collector writes into every object it looks at, and a page that is
    written is copied; frozen objects are not looked at (see gc.freeze).
    """
    _use_what_all_of_them_use()
    gc.collect()
    gc.freeze()


def _use_what_all_of_them_use() -> None:
    """Fill caches and let the interpreter specialise its code before the forks.

    Each process would do the same in its own copy of the pages. Nothing here reaches
    for broker or database, which may be away.
    """
    some_time = datetime.fromtimestamp(0, UTC)
    waiting = OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lt=some_time)[:1]
    str(waiting.query)
    get_broker()
    SignedPackage.loads(SignedPackage.dumps({"at": some_time}, True))
    gettext("")


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
