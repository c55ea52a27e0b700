"""What this process may do in the kernel, and the exact lines that would let it do more.

Looks only: ``/proc``, the interpreter, the groups of this user. What needs which right is
the doctor's business; nothing is granted here.
"""

from __future__ import annotations

import grp
import os
import sys
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


class Capability(IntEnum):
    """The capabilities Pathwarden can use; numbers of include/uapi/linux/capability.h."""

    NET_ADMIN = 12
    NET_RAW = 13

    @property
    def constant(self) -> str:
        """As systemd writes it."""
        return f"CAP_{self.name}"


def has(capability: Capability) -> bool:
    """True when this process has ``capability`` in effect."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def interpreter() -> Path:
    """The real file of the Python interpreter: file capabilities do not work on a link."""
    return Path(os.path.realpath(sys.executable))


def ping_groups() -> str:
    """The groups that may use unprivileged echo sockets, as the kernel says it; "" unknown."""
    with suppress(OSError):
        return " ".join(_PING_GROUPS.read_text().split())
    return ""


def cure_by_capability(*capabilities: Capability) -> str:
    """Every way to give this process ``capabilities``, the one that fits this host first."""
    names = " ".join(one.constant for one in capabilities)
    short = ", ".join(one.name for one in capabilities)
    file_names = ",".join(one.constant.lower() for one in capabilities)
    unit = (
        f"systemd unit: AmbientCapabilities={names} and CapabilityBoundingSet={names} "
        "under [Service]"
    )
    container = f"container: cap_add: [{short}]"
    by_hand = (
        f"by hand: setcap {file_names}+ep {interpreter()} (whoever may run that file then has it)"
    )
    ways = [unit, by_hand, container]
    if any(mark.exists() for mark in _CONTAINER_MARKS):
        ways = [container, unit, by_hand]
    return "; ".join(ways)


def cure_by_ping_groups() -> str:
    """How to allow unprivileged echo sockets to this user's group."""
    group = os.getegid()
    now = ping_groups() or "unknown"
    return (
        f'sysctl -w net.ipv4.ping_group_range="0 2147483647" (now "{now}", this user\'s group is '
        f"{_group_name(group)} {group}), and the same line in /etc/sysctl.d/60-pathwarden.conf "
        "to keep it"
    )


def _group_name(number: int) -> str:
    with suppress(KeyError):
        return grp.getgrgid(number).gr_name
    return "number"
