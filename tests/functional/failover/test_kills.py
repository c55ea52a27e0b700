"""kill -9 at any instant: no event is lost or doubled, and routes become what was decided.

The harness is the bench's (``make faults``), with small counts; it judges itself from the
database and the kernel.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
POSTGRES = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
PATIENCE_SECS = 400


def judged(module: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, "--quiet", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECS, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.mark.processes
@pytest.mark.xdist_group("kills")
def test_an_evaluator_killed_at_every_point_and_at_random_leaves_nothing_undone() -> None:
    assert "41 kills" in judged("bench.faults.kills", "--instants", "25")


@pytest.mark.processes
@pytest.mark.root
@pytest.mark.xdist_group("kills")
def test_routes_of_a_real_kernel_are_put_right_by_the_successor() -> None:
    assert "21 kills" in judged("bench.faults.kills", "--executor", "linux", "--instants", "5")


@pytest.mark.processes
@pytest.mark.xdist_group("kills")
@pytest.mark.skipif(not POSTGRES, reason="no PostgreSQL server is installed")
def test_the_same_holds_on_postgresql() -> None:
    said = judged("bench.faults.kills", "--database", "postgres", "--instants", "5")
    assert "21 kills" in said


@pytest.mark.processes
@pytest.mark.xdist_group("kills")
def test_of_six_racing_evaluators_one_wins_each_generation() -> None:
    assert "'won': 60" in judged("bench.faults.race", "--rounds", "60")
