"""The product in the branch: an installation of its own, its monitor, and what both say.

The monitor is ``manage.py monitor``, started inside the branch as an operator would. It is
watched from outside: by the rows it writes and by the kernel's routes. Times in these rows are
of the wall clock; the truth's are monotonic, and ``Product.monotonic_ns`` leads from one to the
other.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab.addresses import targets
from tests.lab.seed import VANTAGE
from tests.lab.two_providers import ROOT, TwoProviders

FIBRE, CABLE = "fibre", "cable"
UPLINK_OF = {FIBRE: 1, CABLE: 2}
WARM_PROBES = 40
"""Evidence wants 30."""
PATIENCE_SECS = 120.0
"""Far more than anything takes; a machine that is busy must not fail a test."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An installation: probe profile, targets of the two paths, the policy's settings, routes.

    ``policy`` holds fields of ``FailoverPolicy``; ``routes`` (family, prefix) pairs.
    """

    profile: str = "lab"
    fibre_targets: Sequence[str] = tuple(targets(1))
    cable_targets: Sequence[str] = tuple(targets(2))
    policy: dict[str, Any] = field(default_factory=dict)
    routes: Sequence[tuple[int, str]] = ((4, "default"),)
    vantage: str = VANTAGE

    def to_json(self) -> str:
        """What ``tests.lab.seed`` reads."""
        paths = [
            {"name": FIBRE, "interface": "wan1", "targets": list(self.fibre_targets)},
            {"name": CABLE, "interface": "wan2", "targets": list(self.cable_targets)},
        ]
        return json.dumps(
            {
                "vantage": self.vantage,
                "profile": self.profile,
                "paths": paths,
                "policy": {"failback_delay_secs": 2, **self.policy},
                "routes": list(self.routes),
            }
        )


def seeded(directory: Path, wanted: Wanted | None) -> Path:
    """Migrate the database in ``directory``, and make what is wanted; None: nothing more.

    Takes seconds. A seeded directory may be copied: nothing in it is the copy's alone.
    """
    subprocess.run(
        [sys.executable, "-m", "tests.lab.seed"],
        input="null" if wanted is None else wanted.to_json(),
        env=environment(directory), cwd=ROOT, text=True, check=True, timeout=300,
    )  # fmt: skip
    return directory


def environment(directory: Path, vantage: str = VANTAGE) -> dict[str, str]:
    """What the product's processes get to see; SQLite in ``directory``."""
    return {
        **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
        "PATHWARDEN_DATA_DIR": str(directory),
        "PATHWARDEN_VANTAGE": vantage,
        "DJANGO_SETTINGS_MODULE": "sdwan_site.settings",
    }


class Product:
    """A seeded installation and at most one monitor on it; a context manager that ends that."""

    def __init__(self, net: TwoProviders, directory: Path) -> None:
        self.net = net
        self.directory = directory
        self.log = directory / "monitor.log"
        self.monitor: subprocess.Popen[bytes] | None = None
        self._wall_offset_ns = time.time_ns() - time.monotonic_ns()
        self.executor = str(
            self.query("SELECT executor FROM sdwan_failover_policies")[0]["executor"]
        )

    def __enter__(self) -> Product:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- the monitor ------------------------------------------------------------------
    def start(self) -> None:
        """Start the monitor inside the branch."""
        words = [sys.executable, str(ROOT / "manage.py"), "monitor", "--vantage", VANTAGE]
        with self.log.open("ab") as log:
            self.monitor = subprocess.Popen(
                self.net.branch.command(*words),
                env=environment(self.directory), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def stop(self) -> None:
        """End it in order; kill it when it does not."""
        if self.monitor is None or self.monitor.poll() is not None:
            return
        self.monitor.terminate()
        try:
            self.monitor.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> int:
        """SIGKILL; returns when, in ns of CLOCK_MONOTONIC."""
        assert self.monitor is not None
        self.monitor.send_signal(signal.SIGKILL)
        self.monitor.wait()
        return self.net.truth.note("monitor killed")

    def order(self, *words: str) -> dict[str, str]:
        """A person orders something, such as "pin", "--path", "cable": how it ended."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.lab.order", *words],
            env=environment(self.directory), cwd=ROOT, text=True, check=True, timeout=120,
            capture_output=True,
        )  # fmt: skip
        answer: dict[str, str] = json.loads(done.stdout)
        return answer

    # --- waiting ------------------------------------------------------------------------
    def wait(self, condition: Callable[[], Any], what: str) -> None:
        """Poll until ``condition()``; fails with the end of the monitor's log."""
        give_up_at = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < give_up_at:
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE_SECS:.0f} s: {what}\n{self.situation()}")

    def situation(self) -> str:
        """Everything a person needs who looks at a test that failed."""
        rows = [self.state(), *self.paths().values(), *self.events(), *self.net.defaults()]
        text = "\n".join(str(row) for row in [*rows, *self.net.truth.entries()])
        return f"{text}\n{self.log.read_text()[-3000:] if self.log.exists() else ''}"

    def wait_ready(self) -> None:
        """Both paths are up and warm, and the policy has been judged by this monitor."""
        started = time.time()
        self.wait(lambda: self._is_ready(started), "both paths up and warm")

    def _is_ready(self, since: float) -> bool:
        rows = self.paths()
        warm = all(
            row["status"] == "up" and row["received"] >= WARM_PROBES and row["updated_at"] > since
            for row in rows.values()
        )
        return rows.keys() == UPLINK_OF.keys() and warm and self.state().get("phase") == "settled"

    def wait_active(self, name: str) -> None:
        """``name`` is the active path, the switch to it is completed, and it carries traffic."""
        self.wait(lambda: self.is_active(name), f"{name} is active")

    def is_active(self, name: str) -> bool:
        """By the state, by the last event of a switch, and by the kernel where routes are moved."""
        switches = [e for e in self.events() if e["type"] in {"triggered", "completed", "failed"}]
        settled = not switches or (switches[-1]["type"], switches[-1]["to"]) == ("completed", name)
        return self.state().get("active") == name and settled and self.carries(name)

    def carries(self, name: str) -> bool:
        """The kernel forwards the LAN's packets over this path; always true in a dry run."""
        return self.executor == "dry_run" or self.net.carrying() == UPLINK_OF[name]

    def wait_event(self, event_type: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th event of a type, from 1."""
        self.wait(lambda: len(self.events(event_type)) >= count, f"{count} × {event_type}")
        return self.events(event_type)[count - 1]

    def wait_path(self, name: str, **wanted: Any) -> None:
        """A path's current health has these values."""
        self.wait(
            lambda: wanted.items() <= self.paths().get(name, {}).items(), f"{name} is {wanted}"
        )

    # --- what it says ---------------------------------------------------------------------
    def events(self, *types: str) -> list[dict[str, Any]]:
        """The events, the oldest first; those of some types, if any are named."""
        rows = self.query(
            "SELECT event_type AS type, direction, from_path_name AS source, to_path_name AS 'to',"
            " reason, generation, timestamp, duration_ms, evidence"
            " FROM sdwan_failover_events ORDER BY id"
        )
        return [row for row in rows if not types or row["type"] in types]

    def switches(self) -> list[str]:
        """Where each switch that was begun went, in order."""
        return [row["to"] for row in self.events("triggered")]

    def state(self) -> dict[str, Any]:
        """The policy's durable state; empty before there is one."""
        rows = self.query(
            "SELECT s.generation, s.phase, s.reason, s.failover_count, p.name AS active, s.record"
            " FROM sdwan_failover_states s LEFT JOIN sdwan_paths p ON p.id = s.active_path_id"
        )
        return rows[0] if rows else {}

    def paths(self) -> dict[str, dict[str, Any]]:
        """Current health by the path's name."""
        rows = self.query(
            "SELECT p.name, c.status, c.reason, c.reachable, c.health_score, c.sent, c.received,"
            " c.updated_at, c.targets FROM sdwan_path_current c JOIN sdwan_paths p"
            " ON p.id = c.path_id"
        )
        return {row["name"]: row for row in rows}

    def query(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a statement, read from outside."""
        file = sqlite3.connect(self.directory / "pathwarden.sqlite3", timeout=20)
        with closing(file):
            file.row_factory = sqlite3.Row
            return [dict(row) for row in file.execute(statement)]

    def execute(self, statement: str, *values: Any) -> None:
        """Change the database from outside, as the console would."""
        file = sqlite3.connect(self.directory / "pathwarden.sqlite3", timeout=20)
        with closing(file), file:
            file.execute(statement, values)

    def monotonic_ns(self, timestamp: str) -> int:
        """A stored time as ns of CLOCK_MONOTONIC; true while nobody sets the wall clock."""
        moment = datetime.fromisoformat(timestamp).replace(tzinfo=UTC)
        return int(moment.timestamp() * 1e9) - self._wall_offset_ns
