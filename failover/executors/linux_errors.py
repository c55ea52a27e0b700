"""What the kernel's refusals mean: a sentence that names the value, its cure, and whether to retry.

Pure; nothing that asks the kernel may enter.
"""

from __future__ import annotations

import errno
import os

from failover.executors.base import Change, ExecutorError
from failover.executors.changes import RouteChange

# Linux's own names, in the words in which `ip` and `dmesg` know them.
PROTOCOLS = {
    1: "redirect", 2: "the kernel", 3: "boot scripts or ifupdown", 4: "a person (static)",
    9: "router advertisements", 11: "zebra", 12: "bird", 15: "mrouted", 16: "DHCP",
    18: "keepalived", 42: "babel", 111: "VyOS failover", 186: "BGP", 187: "IS-IS", 188: "OSPF",
    189: "RIP", 192: "EIGRP", 196: "FRR (static)",
}  # fmt: skip

_PERMISSION = frozenset({errno.EPERM, errno.EACCES})
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})
_NO_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})

PERMISSION_CURE = (
    "Give the monitor CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN in its systemd unit)."
)


def owner_of(protocol: int) -> str:
    """Who makes routes with that ``rtm_protocol``."""
    return PROTOCOLS.get(protocol, "another program")


def refusal(error: OSError, change: Change | None) -> ExecutorError:
    """The kernel's refusal of ``change`` (None: of being asked at all)."""
    if isinstance(error, TimeoutError):
        return ExecutorError(
            "The kernel did not answer within 5 s: it is tried again.", retryable=True
        )
    number = error.errno or 0
    if change is None:
        return ExecutorError(
            f"The kernel's routing can't be asked ({_name(number)}): allow AF_NETLINK sockets "
            "(RestrictAddressFamilies= of the systemd unit).",
            retryable=True,
        )
    sentence, cure, retryable = _explained(number, change)
    return ExecutorError(
        f"{change.text()}: {sentence} ({_name(number)}). {cure}", retryable=retryable
    )


def _explained(number: int, change: Change) -> tuple[str, str, bool]:
    if number in _PERMISSION:
        return "this process may not change the routing", PERMISSION_CURE, False
    if number in _NO_FAMILY:
        return (
            f"this kernel has no IPv{change.family} routing here",
            f"Take the IPv{change.family} routes out of the policy, or enable IPv{change.family}.",
            False,
        )
    if number == errno.EEXIST:
        return (
            "something of another owner stands there",
            "Give the policy another metric (route) or other selectors (rule).",
            False,
        )
    if isinstance(change, RouteChange):
        return _explained_route(number, change)
    return "the kernel refuses the rule", "Check its selectors.", True


def _explained_route(number: int, change: RouteChange) -> tuple[str, str, bool]:
    if number == errno.ENODEV:
        return (
            f"interface {change.interface} does not exist",
            "Bring it back, or correct the uplink's interface.",
            True,
        )
    if number == errno.ENETDOWN:
        return (
            f"interface {change.interface} is down",
            f"`ip link set {change.interface} up`.",
            True,
        )
    if number in _NO_WAY:
        return (
            f"gateway {change.gateway} is in no network of {change.interface}, or that has gone",
            "Correct the uplink's gateway, or wait for the interface's address.",
            True,
        )
    if number == errno.EINVAL and change.source:
        return (
            f"source {change.source} is perhaps no address of this host",
            "Correct the uplink's source, or enter 'auto'.",
            True,
        )
    if number == errno.EINVAL and change.gateway:
        return (
            f"the kernel takes {change.gateway} for no gateway on {change.interface}",
            "It may be an address of this host: correct the uplink's gateway.",
            True,
        )
    return "the kernel refuses the route", "It is tried again.", True


def _name(number: int) -> str:
    return f"{errno.errorcode.get(number, number)}, {os.strerror(number)}"
