"""The counters of this host's interfaces, by netlink (RTM_GETLINK, IFLA_STATS64).

Netlink and not ``/sys/class/net``: index and all counters come in one message and belong
together, and it answers for the network namespace that probes. Counts nothing itself:
see ``health.domain.traffic``. No Django may enter.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from health.domain.traffic import CounterReading, Counts

_FIELDS = (
    "rx_bytes", "tx_bytes", "rx_packets", "tx_packets",
    "rx_errors", "tx_errors", "rx_dropped", "tx_dropped",
)  # fmt: skip
"""Names of ``rtnl_link_stats64`` (linux/if_link.h) in the order of ``Counts``."""
_NO_SUCH_LINK = {errno.ENODEV, errno.EINVAL, errno.ERANGE}


class CounterSource(Protocol):
    """Where counters are read; a test may have interfaces of its own."""

    def read(self, interfaces: Iterable[str]) -> Mapping[str, CounterReading]:
        """The interfaces that exist now, by name; ``OSError`` when the kernel does not answer."""
        ...

    def close(self) -> None:
        """Let go of sockets."""
        ...


class LinkCounters:
    """Counters by netlink. The socket is opened when first needed and anew after an error."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._netlink: Any = None

    def read(self, interfaces: Iterable[str]) -> dict[str, CounterReading]:
        """The interfaces that exist now, by name; ``OSError`` when the kernel does not answer."""
        found = {}
        try:
            for name in sorted(set(interfaces)):
                reading = self._read(name)
                if reading is not None:
                    found[name] = reading
        except Exception as error:
            self.close()
            raise OSError(f"Netlink did not tell the counters of interfaces: {error}") from error
        return found

    def close(self) -> None:
        """Close the socket; a later reading opens another."""
        netlink, self._netlink = self._netlink, None
        if netlink is not None:
            netlink.close()

    def _read(self, name: str) -> CounterReading | None:
        if self._netlink is None:
            self._netlink = IPRoute()
        try:
            answers = self._netlink.link("get", ifname=name)
        except NetlinkError as error:
            if error.code in _NO_SUCH_LINK:
                return None
            raise
        for link in answers:
            stats = link.get_attr("IFLA_STATS64")
            if stats is not None:
                counts = Counts(*(stats[field] for field in _FIELDS))
                return CounterReading(self._monotonic_ns(), link["index"], counts)
        return None


def counters_identity(boot_id: str) -> str:
    """What must be the same for two readings to be of the same counters and clock.

    The boot, because counters and the monotonic clock begin with it, and the network
    namespace, because interfaces are numbered in each from 1 on.
    """
    try:
        namespace = str(Path("/proc/self/ns/net").readlink())
    except OSError:
        namespace = ""
    return f"{boot_id} {namespace}"
