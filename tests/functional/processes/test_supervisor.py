"""The supervisor with small children: restarts, back-off, an orderly and a forced stop."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from sdwan_site.processes import supervisor as supervisors
from sdwan_site.processes.run_plan import ChildSpec
from sdwan_site.processes.supervisor import Supervisor
from tests.functional.processes.product import ROOT, wait_until


def child(name: str, script: str, **environment: str) -> ChildSpec:
    return ChildSpec(name, [sys.executable, "-c", script], environment)


def run_until(supervisor: Supervisor, condition: Callable[[], bool], timeout_secs: float) -> None:
    """Run the supervisor in this thread until the condition holds or time is up."""
    deadline = time.monotonic() + timeout_secs

    def look() -> None:
        if condition() or time.monotonic() > deadline:
            supervisor.stop()

    supervisor.run(each_turn=look)
    assert condition()


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisors, "FIRST_PAUSE_SECS", 0.05)


def test_a_child_that_ends_is_started_again_after_growing_pauses(
    tmp_path: Path, fast: None
) -> None:
    starts = tmp_path / "starts"
    script = f"import time; open({str(starts)!r}, 'a').write(f'{{time.monotonic()}}\\n')"
    run_until(Supervisor([child("brief", script)]), lambda: len(lines(starts)) >= 4, 60)
    moments = [float(line) for line in lines(starts)]
    # Only from below: a busy machine makes any pause longer.
    for number, (earlier, later) in enumerate(pairwise(moments)):
        assert later - earlier >= supervisors.FIRST_PAUSE_SECS * 2**number


def test_a_child_sees_what_its_spec_adds_to_the_environment(tmp_path: Path, fast: None) -> None:
    seen = tmp_path / "seen"
    script = f"import os; open({str(seen)!r}, 'w').write(os.environ['PW_TEST'])"
    run_until(Supervisor([child("reader", script, PW_TEST="here")]), lambda: seen.exists(), 60)
    assert seen.read_text() == "here"


def test_what_a_dead_child_had_started_is_killed_with_it(tmp_path: Path, fast: None) -> None:
    pids = tmp_path / "pids"
    script = (
        "import subprocess, sys\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pids)!r}, 'a').write(f'{{one.pid}}\\n')\n"
    )
    run_until(Supervisor([child("parent", script)]), lambda: len(lines(pids)) >= 2, 60)
    first = int(lines(pids)[0])
    wait_until(lambda: not psutil.pid_exists(first), "the grandchild's end", 30)


def test_a_child_that_ignores_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisors, "STOP_SECS", 0.5)
    pid_file = tmp_path / "pid"
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    run_until(Supervisor([child("stubborn", script)]), lambda: bool(lines(pid_file)), 60)
    assert not psutil.pid_exists(int(pid_file.read_text()))


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = (
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    supervise = (
        "import sys\n"
        "from sdwan_site.processes.run_plan import ChildSpec\n"
        "from sdwan_site.processes.supervisor import Supervisor\n"
        f"Supervisor([ChildSpec('orphan', [sys.executable, '-c', {script!r}])]).run()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", supervise], cwd=ROOT)
    wait_until(lambda: bool(lines(pid_file)), "the child's start", 60)
    parent.kill()
    parent.wait(10)
    wait_until(lambda: not psutil.pid_exists(int(pid_file.read_text())), "the orphan's end", 30)


def test_a_child_that_cannot_be_started_is_tried_again_and_the_others_go_on(
    tmp_path: Path, fast: None
) -> None:
    program, started = tmp_path / "program", tmp_path / "started"
    others = tmp_path / "others"
    neighbour = child("neighbour", f"open({str(others)!r}, 'a').write('x\\n')")

    def look() -> bool:
        if lines(others) and not program.exists():  # an upgrade puts it into place
            (tmp_path / "new").write_text(f"#!/bin/sh\ntouch {started}\n")
            (tmp_path / "new").chmod(0o755)
            (tmp_path / "new").rename(program)
        return started.exists()

    run_until(Supervisor([ChildSpec("absent", [str(program)]), neighbour]), look, 60)


def test_the_supervising_program_imports_no_django() -> None:
    """Its 80 MB would stay for as long as the product runs."""
    script = (
        "import sys\n"
        "from sdwan_site.processes import announcement, plain_logs, run_plan, supervisor\n"
        "print([name for name in ('django', 'structlog', 'urllib.request') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
