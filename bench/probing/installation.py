"""A throw-away installation: data directory, migrated database with paths, the real monitor.

The monitor is ``manage.py monitor``, started as an operator would start it; it is
watched from outside, by the kernel's counters and by what it writes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench.probing.seed import VANTAGE

ROOT = Path(__file__).resolve().parents[2]


def wait_for(condition: Callable[[], Any], what: str, patience_secs: float) -> float:
    """Poll until ``condition()``; returns the seconds it took, raises ``TimeoutError``."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > patience_secs:
            raise TimeoutError(f"not within {patience_secs:.0f} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began


class Installation:
    """A database with ``paths`` paths of one target, and at most one monitor on it.

    ``slow`` puts the targets behind the slow line; ``database_url`` "" is SQLite in
    the temporary directory. A context manager: leaving it stops the monitor and
    deletes everything.
    """

    def __init__(
        self,
        paths: int,
        *,
        profile: str = "frugal",
        enabled: int | None = None,
        database_url: str = "",
        slow: bool = False,
    ) -> None:
        self.paths = paths
        self.directory = Path(tempfile.mkdtemp(prefix="pathwarden-bench-"))
        self.log = self.directory / "monitor.log"
        self.database_url = database_url
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
            "PATHWARDEN_DATA_DIR": str(self.directory),
            "PATHWARDEN_VANTAGE": VANTAGE,
            "DJANGO_SETTINGS_MODULE": "sdwan_site.settings",
            **({"DATABASE_URL": database_url} if database_url else {}),
        }
        more = ["--slow"] if slow else []
        more += [] if enabled is None else ["--disabled-from", str(enabled)]
        self.call("-m", "bench.probing.seed", "--paths", str(paths), "--profile", profile,
                  *more)  # fmt: skip

    def __enter__(self) -> Installation:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def call(self, *words: str) -> None:
        """Run this Python with ``words`` for this installation; must succeed."""
        subprocess.run([sys.executable, *words], env=self.environment, cwd=ROOT, check=True)

    # --- the monitor --------------------------------------------------------------
    def start(self, *, wrapper: Sequence[str] = ()) -> int:
        """Start the monitor and return its pid; ``wrapper`` is put before the command."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, str(ROOT / "manage.py"), "monitor", "--vantage",
                 VANTAGE],
                env=self.environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        return self.process.pid

    def stop(self) -> None:
        """End the monitor in order; kill it when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def await_measured(self, paths: int | None = None, patience_secs: float = 300) -> float:
        """Wait until ``paths`` paths have an answered probe; returns the seconds."""
        wanted = self.paths if paths is None else paths
        statement = "SELECT COUNT(*) FROM sdwan_path_current WHERE received > 0"

        def measured() -> bool:
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"the monitor has ended:\n{self.log.read_text()[-3000:]}")
            return bool(self.number(statement) >= wanted)

        return wait_for(measured, f"{wanted} paths measured", patience_secs)

    # --- what it wrote --------------------------------------------------------------
    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement on the installation's database, read from outside."""
        if self.database_url:
            with psycopg.connect(self.database_url) as server:
                return server.execute(statement.encode()).fetchall()
        file = sqlite3.connect(self.directory / "pathwarden.sqlite3", timeout=20)
        try:
            return file.execute(statement).fetchall()
        finally:
            file.close()

    def execute(self, statement: str) -> None:
        """Change the database from outside, as the console would."""
        if self.database_url:
            with psycopg.connect(self.database_url) as server:
                server.execute(statement.encode())
            return
        file = sqlite3.connect(self.directory / "pathwarden.sqlite3", timeout=20)
        try:
            with file:
                file.execute(statement)
        finally:
            file.close()

    def number(self, statement: str) -> float:
        """The one number a statement gives; 0 for null."""
        return float(self.query(statement)[0][0] or 0)

    def failures(self) -> dict[str, int]:
        """All failures the monitor has booked, by outcome."""
        total: dict[str, int] = {}
        for (text,) in self.query("SELECT failures_total FROM sdwan_path_current"):
            booked = json.loads(text) if isinstance(text, str) else text
            for outcome, count in booked.items():
                total[outcome] = total.get(outcome, 0) + count
        return total

    def status_changes(self) -> int:
        """How many changes of status have been recorded."""
        return int(self.number("SELECT COUNT(*) FROM sdwan_status_changes"))

    def loop_figures(self) -> dict[str, Any]:
        """What the loop tells of itself through its lease."""
        rows = self.query("SELECT figures, overruns_total FROM sdwan_monitor_leases")
        if not rows:
            return {}
        text, overruns = rows[0]
        figures: dict[str, Any] = json.loads(text) if isinstance(text, str) else dict(text or {})
        return {**figures, "overruns": overruns}
