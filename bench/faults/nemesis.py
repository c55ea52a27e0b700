"""Starts lives, kills them, and watches whether their successors put everything right.

Forks, with everything imported, so that a life begins at once: it must stay free of
threads and of open connections. Import it after ``django.setup()``.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults.file_kernel import FileKernel
from bench.faults.life import live
from bench.faults.points import POINTS, CrashAt
from bench.faults.seed import GATEWAYS, LINKS, VANTAGE, prefix_of
from bench.faults.store import Store, uid_text
from bench.faults.verdict import problems
from tests.lab.namespaces import Namespace, entered

POLICIES = 8
START_PATIENCE_SECS = 30.0
POINT_PATIENCE_SECS = 20.0
WAVE_PATIENCE_SECS = 5.0
WAVE_SECS = 0.25
"""About as long as it takes until all policies have switched."""
ROOT = Path(__file__).resolve().parents[2]


class Nemesis:
    """One installation and its lives; ``namespace`` is where ``linux`` routes, None for files."""

    def __init__(
        self, directory: Path, url: str, seed: int, namespace: Namespace | None = None
    ) -> None:
        self.directory = directory
        self.store = Store(directory, url)
        self.converged_secs: list[float] = []
        """From each successor's start until every policy's route was its state."""
        self.kills = 0
        self.kills_amid = 0
        """Those that left a decided switch without its end."""
        self._random = random.Random(seed)
        self._namespace = namespace
        executor = "dry_run" if namespace is None else "linux"
        subprocess.run(
            [sys.executable, "-m", "bench.faults.seed", "--policies", str(POLICIES),
             "--executor", executor],
            cwd=ROOT, check=True,
        )  # fmt: skip

    def at_points(self, nths: tuple[int, ...] = (1, 5)) -> None:
        """Die at every named point, the first time it is reached and later."""
        for point in POINTS:
            for nth in nths:
                pid, _ = self._start(CrashAt(point, nth))
                self._await_death(pid, point)

    def at_random(self, instants: int) -> None:
        """Die at ``instants`` random moments after policies have begun to switch."""
        for _ in range(instants):
            pid, began = self._start(CrashAt("", 0))
            self.converged_secs.append(self._await_equal(began))
            self._await_wave()
            time.sleep(self._random.uniform(0.0, WAVE_SECS))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.kills += 1
            self.kills_amid += self.store.undone() > 0

    def verdict(self) -> list[str]:
        """Let everything come to rest, end in order, and say what is wrong."""
        (self.directory / "calm").touch()
        pid, began = self._start(CrashAt("", 0))
        self.converged_secs.append(self._await_equal(began))
        self._until(lambda: self.store.undone() == 0, "effects are still owed")
        (self.directory / "end").touch()
        os.waitpid(pid, 0)
        log = [] if self._namespace else FileKernel(self.directory / "kernel").log()
        return problems(self.store, self.routes(), log)

    @property
    def switches(self) -> int:
        """How many switches were carried out."""
        ends = [kind for about in self.store.events().values() for _, kind, _ in about]
        return ends.count("completed")

    def routes(self) -> dict[str, int]:
        """The path of every policy in the kernel."""
        if self._namespace is None:
            return FileKernel(self.directory / "kernel").routes()
        rows = self.store.query("SELECT p.uid, r.prefix FROM sdwan_policy_routes r "
                                "JOIN sdwan_failover_policies p ON p.id = r.policy_id")  # fmt: skip
        owners = {prefix: uid.replace("-", "") for uid, prefix in rows}
        paths = self.store.query("SELECT p.id, u.interface FROM sdwan_paths p "
                                 "JOIN sdwan_uplinks u ON u.id = p.uplink_id")  # fmt: skip
        over = {interface: key for key, interface in paths}
        shown = json.loads(self._namespace.ip("-j route show proto 173") or "[]")
        return {uid_text(owners[one["dst"]]): over[one["dev"]] for one in shown}

    # --- lives ----------------------------------------------------------------------------
    def _start(self, crash: CrashAt) -> tuple[int, float]:
        """A new life; returns its pid and when it began, once its first round is over."""
        reader, writer = os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._live(crash, writer)
        os.close(writer)
        try:
            if not select.select([reader], [], [], START_PATIENCE_SECS)[0]:
                raise TimeoutError(f"life {pid} has not begun within {START_PATIENCE_SECS} s")
        finally:
            os.close(reader)
        return pid, began

    def _live(self, crash: CrashAt, ready: int) -> None:
        """The child: never returns."""
        code = 1
        try:
            log = os.open(self.directory / "lives.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
            os.dup2(log, 1)
            os.dup2(log, 2)
            on_linux = self._namespace is not None
            with _inside(self._namespace):
                live(self.directory, VANTAGE, crash, ready, on_linux=on_linux)
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)

    def _await_death(self, pid: int, point: str) -> None:
        deadline = time.monotonic() + POINT_PATIENCE_SECS
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
                    raise RuntimeError(f"a life ended before {point}: see lives.log")
                self.kills += 1
                return
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise TimeoutError(f"{point} was not reached within {POINT_PATIENCE_SECS:.0f} s")

    # --- watching ---------------------------------------------------------------------------
    def _await_wave(self) -> None:
        """Until one more policy has decided to switch; or for a while, on a busy machine."""
        before, deadline = self.store.wishes(), time.monotonic() + WAVE_PATIENCE_SECS
        while self.store.wishes() == before and time.monotonic() < deadline:
            time.sleep(0.005)

    def _await_equal(self, began: float) -> float:
        """Seconds until each policy has been seen with its route where its state is."""
        missing: set[str] = set(self.store.wishes())

        def all_seen() -> bool:
            before, routes, after = self.store.wishes(), self.routes(), self.store.wishes()
            for uid in sorted(missing or after):
                if before.get(uid) == after[uid] and routes.get(uid) == after[uid].path:
                    missing.discard(uid)
            return not missing and len(after) == POLICIES

        self._until(all_seen, "routes are not as the state says")
        return time.monotonic() - began

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + START_PATIENCE_SECS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"within {START_PATIENCE_SECS:.0f} s: {otherwise}")
            time.sleep(0.02)


@contextmanager
def two_uplinks() -> Iterator[Namespace]:
    """A namespace with two links whose gateways are neighbours on them."""
    namespace = Namespace("faults")
    try:
        for link, gateway in zip(LINKS, GATEWAYS, strict=True):
            namespace.ip(f"link add {link} type veth peer name {link}p")
            namespace.ip(f"addr add {gateway[:-1]}1/24 dev {link}")
            namespace.ip(f"link set {link} up")
            namespace.ip(f"link set {link}p up")
        yield namespace
    finally:
        namespace.delete()


@contextmanager
def _inside(namespace: Namespace | None) -> Iterator[None]:
    if namespace is None:
        yield
        return
    with entered(f"/run/netns/{namespace.name}"):
        yield


__all__ = ["Nemesis", "prefix_of", "two_uplinks"]
