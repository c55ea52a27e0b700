"""What a refused system call says about a path: errno to outcome and sentence.

Shared by all kinds, so that the same fault reads the same everywhere. Sends
nothing; at most asks the kernel whether an interface is up.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from typing import TYPE_CHECKING

from health.domain.measurement import Outcome
from health.probers.base import SendError

if TYPE_CHECKING:
    from health.probers.base import WireTarget

_OUTCOMES: dict[int, tuple[Outcome, str]] = {
    errno.ENETDOWN: (Outcome.LINK_DOWN, "the network is down"),
    errno.ENODEV: (Outcome.LINK_DOWN, "interface {interface!r} is gone"),
    errno.ENXIO: (Outcome.LINK_DOWN, "interface {interface!r} is gone"),
    errno.ENETUNREACH: (
        Outcome.MISCONFIGURED,
        # Some kernels say this of a source that is no address of this host, too.
        (
            "no route to {address} from source {source!r}: add a route for it over this uplink, "
            "or correct the source address"
        ),
    ),
    errno.EHOSTUNREACH: (
        Outcome.MISCONFIGURED,
        "the routing table calls {address} unreachable: remove that route or change the target",
    ),
    errno.EADDRNOTAVAIL: (
        Outcome.MISCONFIGURED,
        "source address {source!r} is not an address of this host: correct it or leave it empty",
    ),
    errno.EINVAL: (
        Outcome.MISCONFIGURED,
        (
            "the kernel cannot send to {address} from source address {source!r}: the source must "
            "be an address of this host, and no blackhole route may lead to the target"
        ),
    ),
    errno.EPERM: (
        Outcome.DENIED,
        (
            "not permitted: a firewall rule of this host stops the probe (let it pass; "
            "nft list ruleset shows the rules), or a firewall mark ({fwmark}) or interface "
            "({interface!r}) is set without CAP_NET_ADMIN or CAP_NET_RAW (grant it)"
        ),
    ),
    errno.EACCES: (
        Outcome.DENIED,
        (
            "access denied: a route prohibits {address} (remove it; ip route get shows it), or it "
            "is a broadcast address (probe one host)"
        ),
    ),
    errno.EMSGSIZE: (
        Outcome.MISCONFIGURED,
        "the probe is longer than the MTU of the way to {address}: correct the interface's MTU",
    ),
    errno.EMFILE: (Outcome.DENIED, "too many open files: raise LimitNOFILE of the process"),
    errno.ENFILE: (Outcome.DENIED, "too many open files on this host: raise fs.file-max"),
    errno.ENOBUFS: (
        Outcome.CONGESTED,
        "the send queue of interface {interface!r} is full (tc -s qdisc shows its drops)",
    ),
    errno.EAGAIN: (Outcome.CONGESTED, "the socket's send buffer is full: an uplink does not drain"),
    errno.ENOMEM: (Outcome.CONGESTED, "the kernel has no memory for the packet"),
}
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})

_SIOCGIFFLAGS = 0x8913  # netdevice(7)
_IFF_UP = 0x1
_IFF_RUNNING = 0x40  # up and with carrier, as far as the driver can tell
_WORKING = _IFF_UP | _IFF_RUNNING
_IFREQ = struct.Struct("16sH14x")


def send_error(error: OSError, target: WireTarget) -> SendError:
    """The ``SendError`` for a socket call that failed while probing ``target``.

    An errno that is not known here is a configuration fault: it says nothing
    about the path and must not count as loss. "No route" over an interface that
    does not work is a dead link; otherwise the error is marked ``no_route``. A full
    queue of the interface is marked ``queue_full``.
    """
    no_route = error.errno in _NO_ROUTE
    if no_route and target.interface and not interface_works(target.interface):
        return SendError(
            Outcome.LINK_DOWN, f"interface {target.interface} is down, without carrier or gone"
        )
    outcome, text = _OUTCOMES.get(
        error.errno or 0, (Outcome.MISCONFIGURED, "the kernel refuses to send to {address}")
    )
    name = errno.errorcode.get(error.errno or 0, str(error))
    reason = f" ({name}: {os.strerror(error.errno)})" if error.errno else f" ({name})"
    return SendError(
        outcome,
        text.format(**target._asdict()) + reason,
        no_route=no_route,
        queue_full=error.errno == errno.ENOBUFS,
    )


def interface_index(name: str) -> int:
    """The kernel's index of an interface; raises ``SendError`` (link down) if there is none."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise SendError(Outcome.LINK_DOWN, f"interface {name} does not exist") from None


def interface_works(name: str) -> bool:
    """True when the interface exists, is administratively up, and has a carrier."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _IFREQ.pack(name.encode()[:15], 0))
        except OSError:
            return False
    flags: int = _IFREQ.unpack(answer)[1]
    return flags & _WORKING == _WORKING
