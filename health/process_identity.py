"""Which process on which host: enough to tell whether a lease's holder is gone."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process; ``pid_started`` (seconds since 1970) tells a reused pid apart."""

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
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return bool(abs(process.create_time() - self.pid_started) > 1.0)
        except psutil.NoSuchProcess:
            return True


def current_process() -> ProcessIdentity:
    """The identity of the calling process."""
    pid = os.getpid()
    return ProcessIdentity(platform.node(), _boot_id(), pid, psutil.Process(pid).create_time())


@cache
def _boot_id() -> str:
    # Containers of one host share the boot id but not the pids; the namespace
    # tells them apart.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"[:64]
