"""Starts ``runner`` inside a network namespace and listens to what it says.

Shared by the fault tests of this folder; nothing that asserts about the engine may enter.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from health.probers.reflector import Reflector
from health.probers.reflector_config import Impairment, Listener
from tests.lab.namespaces import Namespace

REPOSITORY = Path(__file__).parents[3]
PATIENCE_SECS = 30.0

UPLINKS = {"wan1": "10.1.0", "wan2": "10.2.0"}

Line = dict[str, Any]


class Place(NamedTuple):
    """A probe host and what its uplinks lead to."""

    vantage: Namespace
    far: Namespace


def path_over(key: int, **changes: Any) -> dict[str, Any]:
    """A path over wan1 (key 1) or wan2 (key 2) to the far end of it."""
    interface = f"wan{key}"
    address = f"{UPLINKS[interface]}.2"
    return {"key": key, "uplink": key, "interface": interface, "address": address} | changes


def uplink(key: int, mode: str = "none") -> dict[str, Any]:
    """What the keeper of uplinks is to be told about wan1 or wan2."""
    name = f"wan{key}"
    return {"key": key, "uid": name, "name": name, "interface": name, "mode": mode}


class RunningEngine:
    """One engine process. ``lines`` is everything it has said so far."""

    def __init__(self, namespace: Namespace, config: dict[str, Any], env: dict[str, str]) -> None:
        self.lines: list[Line] = []
        # A shell that becomes Python, or the signals would reach "ip" alone.
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace.name, sys.executable, "-m",
             "tests.functional.engine.runner", json.dumps(config)],
            cwd=REPOSITORY, env=os.environ | env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    @staticmethod
    def now() -> float:
        """The clock by which lines are stamped; one for all processes of this host."""
        return time.monotonic()

    def rounds(self) -> list[Line]:
        """All rounds so far."""
        return [line for line in self.lines if line["what"] == "round"]

    def until(self, condition: Callable[[Line], object]) -> Line:
        """The first round from now on that fulfils the condition; fails when patience ends."""
        deadline = time.monotonic() + PATIENCE_SECS
        seen = len(self.lines)
        while True:
            for line in self.lines[seen:]:
                if line["what"] == "round" and condition(line):
                    return line
            seen = max(seen, len(self.lines) - 1)
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"it never happened; {self._last_words()}")
            time.sleep(0.005)

    def until_all(self, status: str) -> Line:
        """Until every path has this status."""
        return self.until(
            lambda line: (
                line["paths"] and all(p["status"] == status for p in line["paths"].values())
            )
        )

    def run_for(self, rounds: int) -> Line:
        """So many further rounds (a second each, or less); returns the last one."""
        target = len(self.rounds()) + rounds
        return self.until(lambda line: len(self.rounds()) >= target)

    def stop_for(self, seconds: float) -> None:
        """SIGSTOP, wait, SIGCONT: a suspended machine, a debugger, a starved container."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def end(self) -> Line:
        """End it and return its last counts."""
        self.close()
        assert self._process.returncode == 0, self._last_words()
        return next(line for line in self.lines if line["what"] == "end")

    def close(self) -> None:
        """End the process, kindly if it listens. Idempotent."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        assert self._process.stderr is not None
        if not self._process.stderr.closed:
            self._complaints = self._process.stderr.read()
            self._process.stderr.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _last_words(self) -> str:
        self.close()
        return f"last line {self.lines[-1:]}, complaints {self._complaints[-2000:]}"


@contextmanager
def running(
    namespace: Namespace, config: dict[str, Any], env: dict[str, str] | None = None
) -> Iterator[RunningEngine]:
    """An engine in ``namespace`` while the block lasts."""
    engine = RunningEngine(namespace, config, env or {})
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def reflecting(namespace: Namespace, *, port: int = 862) -> Iterator[None]:
    """The project's STAMP reflector on all addresses of ``namespace`` while the block lasts."""
    with namespace.inside():
        reflector = Reflector([Listener("0.0.0.0", port, Impairment())], random.Random(1))
    stopping = threading.Event()
    thread = threading.Thread(target=reflector.serve, args=(stopping.is_set,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        reflector.close()


def failures(line: Line) -> dict[str, int]:
    """The failures of all paths together, by outcome."""
    total: dict[str, int] = {}
    for path in line["paths"].values():
        for outcome, count in path["failures"].items():
            total[outcome] = total.get(outcome, 0) + count
    return total
