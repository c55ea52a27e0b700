"""Throw-away network namespaces, and a way for a test to work inside one.

Used by tests and benchmarks that need root. Every namespace has a name of its own
and is deleted on exit. Nothing here leaves the machine.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> str:
    """Run a command and return what it prints; raises with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _enter(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(descriptor)


class Namespace:
    """One network namespace; ``ip`` and ``shell`` work inside it."""

    def __init__(self, label: str) -> None:
        self.name = f"pw-{label}-{os.getpid()}-{secrets.token_hex(3)}"
        run("ip", "netns", "add", self.name)
        self.ip("link set lo up")

    def ip(self, command: str) -> str:
        """``ip COMMAND`` in this namespace."""
        return run("ip", "-n", self.name, *command.split())

    def shell(self, command: str) -> str:
        """A shell command in this namespace."""
        return run("ip", "netns", "exec", self.name, "sh", "-c", command)

    def sysctl(self, **values: int) -> None:
        """Set ``net.*``; two underscores stand for a dot."""
        words = [f"net.{name.replace('__', '.')}={value}" for name, value in values.items()]
        self.shell(f"sysctl -qw {' '.join(words)}")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and threads and processes it starts, are in the namespace."""
        before = "/proc/thread-self/ns/net"
        descriptor = os.open(before, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(f"/run/netns/{self.name}")
            try:
                yield
            finally:
                _libc.setns(descriptor, _CLONE_NEWNET)
        finally:
            os.close(descriptor)

    def delete(self) -> None:
        """Remove the name; the namespace goes with the last process in it."""
        if Path(f"/run/netns/{self.name}").exists():
            run("ip", "netns", "del", self.name)
