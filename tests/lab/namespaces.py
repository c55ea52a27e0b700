"""Throw-away network namespaces, and a way for a test to work inside one.

Used by tests and benchmarks that need root. Every namespace has a name of its own
and is deleted on exit. Nothing here leaves the machine.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command and return what it prints; raises with its complaint."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=20, check=False
    )
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


@contextmanager
def entered(path: str) -> Iterator[None]:
    """This thread, and threads and processes it starts, are in the namespace of ``path``."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(path)
        try:
            yield
        finally:
            _libc.setns(before, _CLONE_NEWNET)
    finally:
        os.close(before)


def remove(name: str) -> None:
    """End what still runs in the namespace, then delete it; nothing when it is gone."""
    if not Path(f"/run/netns/{name}").exists():
        return
    for number in _processes(name):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    give_up_at = time.monotonic() + 5.0
    while _processes(name) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20, check=False)


def _processes(name: str) -> list[int]:
    """Those in the namespace by its name, but for this one."""
    found = subprocess.run(
        ["ip", "netns", "pids", name], capture_output=True, text=True, timeout=20, check=False
    )
    return [int(word) for word in found.stdout.split() if int(word) != os.getpid()]


class Namespace:
    """One network namespace; ``ip`` and ``shell`` work inside it."""

    def __init__(self, label: str) -> None:
        self.name = f"pw-{label}-{os.getpid()}-{secrets.token_hex(3)}"
        run("ip", "netns", "add", self.name)
        self.ip("link set lo up")

    def ip(self, command: str) -> str:
        """``ip COMMAND`` in this namespace."""
        return run("ip", "-n", self.name, *command.split())

    def batch(self, commands: Iterable[str]) -> None:
        """Many ``ip`` commands, by one process; the first that fails raises."""
        run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(commands) + "\n")

    def nft(self, rules: str) -> None:
        """Load rules of nftables, all or none."""
        run("ip", "netns", "exec", self.name, "nft", "-f", "-", stdin=rules)

    def command(self, *words: str) -> list[str]:
        """``words`` as a command that runs in this namespace, for ``subprocess``."""
        return ["ip", "netns", "exec", self.name, *words]

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
        with entered(f"/run/netns/{self.name}"):
            yield

    def delete(self) -> None:
        """Remove the name; the namespace goes with the last process in it."""
        if Path(f"/run/netns/{self.name}").exists():
            run("ip", "netns", "del", self.name)
