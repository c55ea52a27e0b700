"""Private networks for benchmarks: namespaces that vanish with their processes, kernel counters.

The counters are the truth that engine and peers are measured against; nothing
here knows either of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_CLONE_NEWNET = 0x40000000
FAR_GATEWAY = "10.98.0.2"
NEAR_SOURCE = "10.98.0.1"


def enter_private_network() -> None:
    """Move this process into a new network namespace that has loopback alone."""
    if os.geteuid() != 0:
        sys.exit("This benchmark makes network namespaces: run it as root.")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    run("ip", "link", "set", "lo", "up")
    set_sysctl("ipv4/ping_group_range", "0 2147483647")


def run(*words: str, stdin: str | None = None) -> str:
    """Run a command that must succeed; returns what it prints."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def set_sysctl(name: str, value: str) -> None:
    """Set ``/proc/sys/net/<name>`` of this process' namespace."""
    (Path("/proc/sys/net") / name).write_text(value)


def loopback_addresses(count: int) -> list[str]:
    """``count`` addresses of 127.0.0.0/8, all of which answer."""
    return [f"127.{1 + n // 62_500}.{n // 250 % 250}.{1 + n % 250}" for n in range(count)]


class EchoCounts(NamedTuple):
    """What the kernel counted in this namespace: echo requests and replies received."""

    requests: int
    replies: int

    def since(self, before: EchoCounts) -> EchoCounts:
        """The difference to an earlier reading."""
        return EchoCounts(self.requests - before.requests, self.replies - before.replies)


def echo_counts() -> EchoCounts:
    """The kernel's counters now. On loopback every request that arrives is counted once."""
    lines = Path("/proc/self/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Icmp:"))
    counters = dict(zip(names[1:], values[1:], strict=True))
    return EchoCounts(int(counters["InEchos"]), int(counters["InEchoReps"]))


class DropRule:
    """A rule of nftables that drops what ``match`` describes, and counts it."""

    def __init__(self, match: str) -> None:
        self._rules = (
            "table inet bench { counter dropped { }\n"
            "chain input { type filter hook input priority 0;\n"
            f"{match} counter name dropped drop\n}}\n}}\n"
        )

    def __enter__(self) -> DropRule:
        run("nft", "-f", "-", stdin=self._rules)
        return self

    def __exit__(self, *_: object) -> None:
        run("nft", "delete", "table", "inet", "bench")

    def stop(self) -> None:
        """Drop nothing more; the counter stays."""
        run("nft", "flush", "chain", "inet", "bench", "input")

    @property
    def dropped(self) -> int:
        """Packets dropped so far."""
        listed = json.loads(run("nft", "-j", "list", "counter", "inet", "bench", "dropped"))
        counters = [entry["counter"] for entry in listed["nftables"] if "counter" in entry]
        packets: int = counters[0]["packets"]
        return packets


@contextlib.contextmanager
def far_side() -> Iterator[subprocess.Popen[bytes]]:
    """A second namespace behind the device ``near``; all of 10.99.0.0/16 answers there.

    Yields the process that holds the namespace.
    """
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        _await_namespace(holder.pid)
        run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far",
            "netns", str(holder.pid))  # fmt: skip
        run("ip", "addr", "add", f"{NEAR_SOURCE}/24", "dev", "near")
        run("ip", "link", "set", "near", "up")
        for words in (
            ("ip", "link", "set", "lo", "up"),
            ("ip", "addr", "add", f"{FAR_GATEWAY}/24", "dev", "far"),
            ("ip", "link", "set", "far", "up"),
            ("ip", "route", "add", "local", "10.99.0.0/16", "dev", "lo"),
        ):
            run("nsenter", f"--net=/proc/{holder.pid}/ns/net", *words)
        run("ip", "route", "add", "10.99.0.0/16", "via", FAR_GATEWAY)
        yield holder
    finally:
        holder.kill()
        holder.wait()


def far_addresses(count: int) -> list[str]:
    """``count`` addresses behind ``far_side``."""
    return [f"10.99.{n // 250}.{1 + n % 250}" for n in range(count)]


def _await_namespace(pid: int) -> None:
    here = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/ns/net").readlink() == here:
        if time.monotonic() > deadline:
            raise RuntimeError("unshare made no namespace within 5 s")
        time.sleep(0.01)


def only(found: list[Any], what: str) -> Any:
    """The one element of ``found``; an error that names ``what`` otherwise."""
    if len(found) != 1:
        raise RuntimeError(f"expected one {what}, found {len(found)}")
    return found[0]
