"""Who has which address in the lab: a plan without any effect.

Documentation networks (RFC 5737, RFC 3849) and the benchmarking network (RFC 2544): nothing
of it exists anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

UPLINKS = (1, 2)
POOLS = {1: "192.0.2", 2: "198.51.100"}
"""Each provider's addresses: a /24, from which a lease takes a /28."""
POOLS6 = {1: "2001:db8:1", 2: "2001:db8:2"}
LEASES = 15

HEAD_OFFICE = "203.0.113.1"
HEAD_OFFICE6 = "2001:db8:ff::1"
HEAD_OFFICE_NETWORKS = ("203.0.113.0/24", "198.18.0.0/15")
HEAD_OFFICE_NETWORKS6 = ("2001:db8:ff::/64",)
"""Every address of these answers."""

LAN_HOST, LAN_GATEWAY, LAN_NETWORK = "10.0.50.2", "10.0.50.1", "10.0.50.0/24"
LAN_HOST6, LAN_GATEWAY6, LAN_NETWORK6 = "fd00:50::2", "fd00:50::1", "fd00:50::/64"


@dataclass(frozen=True, slots=True)
class Lease:
    """What a provider has given the branch: the ``serial``-th set of addresses, from 0."""

    number: int
    serial: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.serial < LEASES:
            raise ValueError(f"serial is {self.serial}; a provider has {LEASES} leases.")

    @property
    def address(self) -> str:
        """The branch's IPv4 address, in a /28."""
        return f"{POOLS[self.number]}.{16 * self.serial + 2}"

    @property
    def gateway(self) -> str:
        """The provider's IPv4 address on the same wire."""
        return f"{POOLS[self.number]}.{16 * self.serial + 1}"

    @property
    def address6(self) -> str:
        """The branch's IPv6 address, in a /64."""
        return f"{POOLS6[self.number]}:{self.serial}::2"

    @property
    def gateway6(self) -> str:
        """The provider's IPv6 address on the same wire."""
        return f"{POOLS6[self.number]}:{self.serial}::1"


def targets(path_number: int, count: int = 3, base: int = 10) -> list[str]:
    """``count`` addresses of the head office that no other path number has."""
    return [f"203.0.113.{base * path_number + index}" for index in range(count)]
