"""CPU time: of finished children by getrusage, of running processes by the scheduler's own sums.

Both come from the same nanosecond accounting of the kernel, and neither depends
on the load of the machine as wall time does.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """CPU seconds of a running process: its first thread, and all of its threads."""

    first_thread: float
    all_threads: float

    def since(self, before: Spent) -> Spent:
        """The difference to an earlier reading."""
        return Spent(self.first_thread - before.first_thread, self.all_threads - before.all_threads)


def cpu_by_thread(pid: int) -> dict[str, float]:
    """CPU seconds of each running thread of a process, by its number as text."""
    spent: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            spent[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return spent


def cpu_of(pid: int) -> Spent:
    """What a running process has spent so far (threads that have ended are left out)."""
    spent = cpu_by_thread(pid)
    return Spent(spent.get(str(pid), 0.0), sum(spent.values()))


def children_cpu_secs() -> float:
    """User and system time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_measured(*words: str, stdin: str | None = None) -> tuple[float, str, str]:
    """Run a command to its end; returns (CPU seconds, standard output, standard error)."""
    before = children_cpu_secs()
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    return children_cpu_secs() - before, done.stdout, done.stderr
