"""One life of an evaluator: real lease, real controller, real decisions; only rounds are made.

Two paths die in turn, every few seconds of a clock that runs five times faster than the
wall's, so that switches come often enough to be hit. Runs in a child process until killed.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.faults.file_kernel import FileExecutor, FileKernel
from bench.faults.points import CrashAt
from failover.control.controller import FailoverController
from failover.executors import EXECUTORS
from health.domain.reading import PathReading
from health.domain.status import PathStatus, Reason
from health.engine.clock import SystemClock
from health.engine.observers import Round
from health.models import Path as PathRow
from health.models import Vantage
from health.monitoring import lease as leases
from health.monitoring.lease_keeper import LeaseKeeper
from health.monitoring.loop_figures import LoopFigures
from health.monitoring.monitor import LoopContext
from health.monitoring.process_identity import current_process

SPEED = 5
"""How much faster the decision's clock runs; more, and a busy machine would look blind."""
TURN_NS = 4_000_000_000
"""Each path is dead for so long of that time; longer than the dwell after a death."""
ROUND_SECS = 0.03
LEASE_PATIENCE_SECS = 10.0
FIRST_WALL = 1_800_000_000.0


class FastClock:
    """A clock five times faster than the machine's; the same in every process."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot, times ``SPEED``."""
        return time.monotonic_ns() * SPEED

    def wall(self) -> float:
        """As if the machine had been started at ``FIRST_WALL``."""
        return FIRST_WALL + self.monotonic_ns() / 1e9


def live(directory: Path, vantage_name: str, crash: CrashAt, ready: int, *, on_linux: bool) -> None:
    """Evaluate until killed, or until the file ``end`` appears; tells ``ready`` its first round."""
    crash.install(on_linux=on_linux)
    if not on_linux:
        _register_files(directory, crash)
    vantage = Vantage.objects.get(name=vantage_name)
    lease = _acquired(vantage)
    keeper = LeaseKeeper(lease, SystemClock(), LoopFigures)
    keeper.start()
    clock = FastClock()
    controller = FailoverController(
        LoopContext(vantage.pk, vantage_name, lease, keeper.may_act, clock)
    )
    keys = list(PathRow.objects.order_by("pk").values_list("pk", flat=True))
    told, nemesis = False, os.getppid()
    # A life must not go on when the harness itself was killed.
    while not (directory / "end").exists() and not keeper.lost.is_set() and os.getppid() == nemesis:
        now_ns = clock.monotonic_ns()
        dead = None if (directory / "calm").exists() else keys[now_ns // TURN_NS % 2]
        controller.on_round(_round(keys, dead, now_ns, clock.wall()))
        if not told:
            told = bool(os.write(ready, b"1"))
        time.sleep(ROUND_SECS)
    controller.close()
    keeper.stop()


def _register_files(directory: Path, crash: CrashAt) -> None:
    """Let ``dry_run`` stand for an executor that can be read back after a restart."""
    kernel = FileKernel(directory / "kernel")

    def make(folder: Path) -> FileExecutor:
        return FileExecutor(folder, kernel, crash)

    EXECUTORS["dry_run"] = EXECUTORS["dry_run"]._replace(make=make, reads_back=True)


def _acquired(vantage: Vantage) -> leases.Lease:
    clock = SystemClock()
    deadline = time.monotonic() + LEASE_PATIENCE_SECS
    while time.monotonic() < deadline:
        lease = leases.acquire(vantage, me=current_process(), now=clock.wall())
        if lease is not None:
            return lease
        time.sleep(0.05)
    raise TimeoutError(f"the lease is not to be had: {leases.describe_holder(vantage)}")


def _round(keys: list[int], dead: int | None, now_ns: int, wall: float) -> Round:
    readings = {key: _reading(key, now_ns, is_dead=key == dead) for key in keys}
    return Round(now_ns, wall, readings, tuple(keys), frozenset(), 0, 0)


def _reading(key: int, now_ns: int, *, is_dead: bool) -> PathReading:
    return PathReading(
        key=key,
        at_ns=now_ns,
        status=PathStatus.DOWN if is_dead else PathStatus.UP,
        reason=Reason.NO_ANSWER if is_dead else Reason.NONE,
        detail="",
        reachable=not is_dead,
        score=0.0 if is_dead else 98.0,
        latency_ms=None if is_dead else 20.0,
        min_latency_ms=None,
        max_latency_ms=None,
        packet_loss_pct=100.0 if is_dead else 0.0,
        jitter_ms=None if is_dead else 1.0,
        mos=None,
        sent=120,
        received=0 if is_dead else 120,
        settled=120,
        answers_in_a_row=0 if is_dead else 120,
        loss_run=6 if is_dead else 0,
        interval_ns=500_000_000,
        checked_ns=now_ns,
        answered_ns=None if is_dead else now_ns,
        since_ns=0,
    )
