"""Which process on which host: enough to tell whether a lease's holder is gone."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process; ``pid_started`` (seconds since boot) tells a reused pid apart."""

    host: str
    boot_id: str
    pid: int
    pid_started: float

    def is_gone(self, here: ProcessIdentity) -> bool:
        """True when the process certainly does not run any more.

        Only a process of the host and boot of ``here`` can be judged; of any
        other one nothing is certain and the answer is False.
        """
        if (self.host, self.boot_id) != (here.host, here.boot_id):
            return False
        running = _read_stat(self.pid)
        return running is None or abs(running.started - self.pid_started) > 0.001


def current_process() -> ProcessIdentity:
    """The identity of the calling process."""
    me = _read_stat(os.getpid())
    if me is None:  # a process that reads this is in the table of processes
        raise RuntimeError("this process is not listed in /proc; is /proc mounted?")
    return ProcessIdentity(platform.node(), _boot_id(), os.getpid(), me.started)


class _Stat(NamedTuple):
    """What proc(5) says of a process: its state letter, and its start in seconds since boot."""

    state: str
    started: float


def _read_stat(pid: int) -> _Stat | None:
    """None when the process does not run (any more), zombies included.

    The start counts from boot, not as wall time (as psutil gives it): after a
    step of the wall clock every living holder would look like another process.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    stat = _Stat(fields[0], int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    return None if stat.state in "ZX" else stat


@cache
def _boot_id() -> str:
    # Containers of one host share the boot id but not the pids; the namespace
    # tells them apart.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"[:64]
