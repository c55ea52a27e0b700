"""A branch with two providers and a host behind it, for switches of real routes.

    lan ── branch ── wan1 ══ isp1 ══╗
     10.0.0.2  └──── wan2 ══ isp2 ══╩ hq (203.0.113.9, 2001:db8:9::9)

Addresses differ per line, and the branch translates each to its own. ``hq`` reaches the
branch's addresses only by the line they belong to, and each provider drops what bears the
other's, as on the Internet.
"""

from __future__ import annotations

from pathlib import Path

from failover.executors.base import Connections, Intent, Route, UplinkFacts
from failover.executors.linux import LinuxExecutor
from tests.lab.namespaces import Namespace

HQ, HQ6 = "203.0.113.9", "2001:db8:9::9"
POLICY = "11111111-2222-3333-4444-555555555555"


class Branch:
    """Namespaces and wires; ``close`` deletes them in any case."""

    def __init__(self, *, with_hq: bool = False) -> None:
        self.spaces: list[Namespace] = []
        try:
            self.router = self._space("router")
            self.router.sysctl(
                ipv4__ip_forward=1, ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0,
                ipv6__conf__all__forwarding=1, ipv6__conf__default__accept_dad=0,
            )  # fmt: skip
            self.hq = self._space("hq") if with_hq else None
            self.isps = {number: self._line(number) for number in (1, 2)}
        except BaseException:
            self.close()
            raise

    def _space(self, label: str) -> Namespace:
        space = Namespace(label)
        self.spaces.append(space)
        return space

    def _line(self, number: int) -> Namespace:
        isp = self._space(f"isp{number}")
        isp.sysctl(
            ipv4__ip_forward=1, ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0,
            ipv6__conf__all__forwarding=1, ipv6__conf__default__accept_dad=0,
        )  # fmt: skip
        self.router.ip(f"link add wan{number} type veth peer name p0 netns {isp.name}")
        self.router.ip(f"addr add 10.{number}.0.2/24 dev wan{number}")
        self.router.ip(f"addr add 2001:db8:{number}::2/64 dev wan{number} nodad")
        self.router.ip(f"link set wan{number} up")
        isp.ip(f"addr add 10.{number}.0.1/24 dev p0")
        isp.ip(f"addr add 2001:db8:{number}::1/64 dev p0 nodad")
        isp.ip("link set p0 up")
        isp.sysctl(ipv4__conf__p0__rp_filter=1)  # sources of others are dropped (BCP 38)
        if self.hq is not None:
            self._join_hq(number, isp)
        return isp

    def _join_hq(self, number: int, isp: Namespace) -> None:
        assert self.hq is not None
        if number == 1:
            self.hq.sysctl(ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0)
            self.hq.ip(f"addr add {HQ}/32 dev lo")
        isp.ip(f"link add core type veth peer name i{number} netns {self.hq.name}")
        isp.ip(f"addr add 172.31.{number}.1/30 dev core")
        isp.ip("link set core up")
        self.hq.ip(f"addr add 172.31.{number}.2/30 dev i{number}")
        self.hq.ip(f"link set i{number} up")
        isp.ip(f"route add {HQ}/32 via 172.31.{number}.2")
        self.hq.ip(f"route add 10.{number}.0.0/24 via 172.31.{number}.1")

    def add_lan(self, *, translate: bool = True) -> Namespace:
        """A host behind the branch, translated to each line's own address, or known to all."""
        lan = self._space("lan")
        self.router.ip(f"link add lan0 type veth peer name eth0 netns {lan.name}")
        self.router.ip("addr add 10.0.0.1/24 dev lan0")
        self.router.ip("link set lan0 up")
        lan.ip("addr add 10.0.0.2/24 dev eth0")
        lan.ip("link set eth0 up")
        lan.ip("route add default via 10.0.0.1")
        if not translate:
            for number, isp in self.isps.items():
                isp.ip(f"route add 10.0.0.0/24 via 10.{number}.0.2")
            return lan
        self.router.shell(
            "nft add table ip nat && "
            "nft 'add chain ip nat post { type nat hook postrouting priority 100; }' && "
            "nft add rule ip nat post oifname wan1 snat to 10.1.0.2 && "
            "nft add rule ip nat post oifname wan2 snat to 10.2.0.2"
        )
        return lan

    def routes(self, family: int = 4, table: str = "main") -> list[str]:
        """What ``ip route`` says of a table, default routes and prefixes of nobody's kernel."""
        try:
            text = self.router.ip(f"-{family} route show table {table}")
        except RuntimeError as error:
            if "does not exist" not in str(error):
                raise
            return []
        return [" ".join(row.split()) for row in text.splitlines() if "proto kernel" not in row]

    def close(self) -> None:
        """Delete all namespaces."""
        for space in self.spaces:
            space.delete()


def uplink(number: int, **changes: object) -> UplinkFacts:
    """The facts of a line."""
    facts = {
        "path_key": number,
        "name": f"line {number}",
        "interface": f"wan{number}",
        "gateway": f"10.{number}.0.1",
        "gateway6": f"2001:db8:{number}::1",
        **changes,
    }
    return UplinkFacts(**facts)  # type: ignore[arg-type]


def order(
    to: int,
    generation: int = 1,
    *routes: Route,
    epoch: int = 1,
    came_from: int | None = None,
    connections: Connections = Connections.NONE,
    uid: str = POLICY,
) -> Intent:
    """An order to move the default route, or ``routes``, to a line."""
    return Intent(
        uid,
        "Internet",
        generation,
        epoch,
        uplink(to),
        uplink(came_from) if came_from else None,
        routes or (Route(4),),
        connections,
    )


def apply(folder: Path, intent: Intent) -> str:
    """Carry an order out as a process that has just started; returns the detail."""
    executor = LinuxExecutor(folder)
    return executor.apply(executor.plan(intent)).detail
