"""A whole running product for tests: ``manage.py up --demo`` in a directory of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

DEMO_PATHS = 8
DEMO_REFLECTORS = 6
ROOT = Path(__file__).resolve().parents[3]


def wait_until(
    condition: Callable[[], Any], what: str, timeout_secs: float, *, log: Path | None = None
) -> float:
    """Poll until ``condition`` is true; returns the seconds it took.

    Fails after ``timeout_secs``, with the end of ``log`` if there is one.
    """
    began = time.monotonic()
    while time.monotonic() - began < timeout_secs:
        if condition():
            return time.monotonic() - began
        time.sleep(0.1)
    tail = log.read_text()[-3000:] if log else ""
    raise AssertionError(f"not within {timeout_secs:.0f} s: {what}\n{tail}")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_udp_ports(count: int) -> list[int]:
    """UDP ports of 127.0.0.1 that were free a moment ago."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Product:
    """Starts ``up``, looks at its processes and its database, stops it."""

    def __init__(self, directory: Path, *, new_group: bool = True) -> None:
        self.directory = directory
        self.port = free_port()
        self.log = directory / "up.log"
        # Ports of an earlier start are kept: products that start side by side
        # would otherwise look for free ones at the same time.
        listeners = [{"port": port} for port in free_udp_ports(DEMO_REFLECTORS)]
        (directory / "demo-reflectors.json").write_text(json.dumps({"listeners": listeners}))
        self.environment = {
            **{key: value for key, value in os.environ.items() if key != "DATABASE_URL"},
            "PATHWARDEN_DATA_DIR": str(directory),
            "PATHWARDEN_ADMIN_PASSWORD": "a password for tests",
            "DJANGO_SETTINGS_MODULE": "sdwan_site.settings",
        }
        self._new_group = new_group
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--demo", "--port", str(self.port)],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=self._new_group,
            )

    def stop(self) -> list[str]:
        """SIGTERM ``up`` and wait; returns the command lines of processes that survived."""
        assert self.process is not None
        family = self.family()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return self.survivors(family)

    def survivors(self, family: list[psutil.Process]) -> list[str]:
        _, alive = psutil.wait_procs(family, timeout=5)
        lines = [" ".join(process.cmdline()) for process in alive]
        for process in alive:
            process.kill()
        return lines

    def family(self) -> list[psutil.Process]:
        """Every process below ``up``, of any generation."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, *words: str) -> psutil.Process:
        """The direct child of ``up`` whose command line has all ``words``."""
        found: list[psutil.Process] = []

        def look() -> bool:
            assert self.process is not None
            found[:] = [
                process
                for process in psutil.Process(self.process.pid).children()
                if all(word in process.cmdline() for word in words)
            ]
            return bool(found)

        wait_until(look, f"a child of up with {words} in its command line", 30, log=self.log)
        return found[0]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.directory / "pathwarden.sqlite3", timeout=10)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def lease(self) -> tuple[int, int]:
        """(pid, epoch) of the monitor loop's process; zeros when nobody has it."""
        rows = self.query("SELECT pid, epoch FROM sdwan_monitor_leases WHERE holder <> ''")
        return rows[0] if rows else (0, 0)

    def measured_after(self, moment: float) -> bool:
        """True when a probe of every permitted path was settled after ``moment`` (wall secs)."""
        try:
            ((count, fresh),) = self.query(
                f"SELECT COUNT(*), SUM(last_checked > {moment} OR reason = 'permission')"
                " FROM sdwan_path_current"
            )
        except sqlite3.OperationalError:
            return False  # not migrated yet
        return bool(count >= DEMO_PATHS and fresh == count)

    def answers(self, path: str = "healthz") -> bool:
        """True when the web process answers 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=2) as got:
                return bool(got.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def works_on_tasks(self, cluster: str) -> bool:
        """True when a task sent to ``cluster`` now is done within ten seconds."""
        script = (
            "import django; django.setup()\n"
            "from django_q.tasks import async_task, result\n"
            f"options = {{'cluster': {cluster!r}}}\n"
            "task = async_task('math.sqrt', 49.0, q_options=options)\n"
            "print(result(task, wait=10000))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout.strip().endswith("7.0")

    def works(self) -> bool:
        """Everything: pages, fresh measurements of all paths, both clusters."""
        now = time.time()
        return (
            self.answers()
            and _soon(lambda: self.measured_after(now - 3))
            and self.works_on_tasks("pathwarden")
            and self.works_on_tasks("local")
        )

    def events(self) -> list[dict[str, Any]]:
        rows = self.query(
            "SELECT json_object('type', event_type, 'direction', direction, 'to', to_path_name)"
            " FROM sdwan_failover_events ORDER BY id"
        )
        return [json.loads(row[0]) for row in rows]


def _soon(condition: Callable[[], bool]) -> bool:
    try:
        wait_until(condition, "soon", 5)
    except AssertionError:
        return False
    return True
