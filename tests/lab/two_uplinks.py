"""A branch with two uplinks that look exactly alike: same source, same gateway, same target.

Only the wire tells them apart, as with two modems of one kind::

    branch ── wan1 ══ isp1      both: gateway 192.168.1.1 and fe80::1, target 203.0.113.9
           └─ wan2 ══ isp2            and 2001:db8:9::9

Which provider answered is read from that provider's own counters.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable

from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import RouteState, UplinkState
from health.uplinks.keeper import States, UplinkKeeper
from tests.lab.namespaces import Namespace

SOURCE, GATEWAY, TARGET = "192.168.1.2", "192.168.1.1", "203.0.113.9"
SOURCE6, GATEWAY6, TARGET6 = "2001:db8:1::2", "fe80::1", "2001:db8:9::9"
PATIENCE_SECS = 10.0


class TwoUplinks:
    """The branch and its two providers; traffic of the branch prefers wan1."""

    def __init__(self) -> None:
        self.branch = Namespace("branch")
        self.isps: dict[int, Namespace] = {}
        try:
            self.branch.sysctl(ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0)
            for number in (1, 2):
                self.isps[number] = Namespace(f"isp{number}")
                self.plug(number)
                self.give_provider_addresses(number)
            for number in (1, 2):
                self.give_addresses(number)
                self.give_defaults(number)
        except BaseException:
            self.close()
            raise

    def plug(self, number: int) -> None:
        """Make the wire; also after the interface has been deleted."""
        isp = self.isps[number]
        self.branch.ip(f"link add wan{number} type veth peer name p0 netns {isp.name}")
        self.branch.sysctl(**{f"ipv6__conf__wan{number}__accept_dad": 0})
        self.branch.ip(f"link set wan{number} up")
        isp.sysctl(ipv6__conf__p0__accept_dad=0, ipv6__conf__p0__addr_gen_mode=1)
        isp.ip("link set p0 up")

    def give_provider_addresses(self, number: int, gateway: str = GATEWAY) -> None:
        """The gateway and the target behind it."""
        isp = self.isps[number]
        isp.sysctl(ipv4__icmp_ratelimit=0, ipv6__icmp__ratelimit=0, ipv6__conf__all__forwarding=1)
        isp.ip(f"addr replace {gateway}/24 dev p0")
        isp.ip(f"addr replace {GATEWAY6}/64 dev p0 nodad")
        isp.ip(f"addr replace {TARGET}/32 dev lo")
        isp.ip(f"addr replace {TARGET6}/128 dev lo nodad")
        isp.ip("-6 route replace 2001:db8:1::/64 dev p0")

    def give_addresses(self, number: int) -> None:
        """What DHCP and router advertisements would give the branch."""
        self.branch.ip(f"addr replace {SOURCE}/24 dev wan{number}")
        self.branch.ip(f"addr replace {SOURCE6}/64 dev wan{number} nodad")

    def give_defaults(self, number: int) -> None:
        """The default routes that come with the addresses; wan1 has the better metric."""
        how = f"dev wan{number} metric {number * 100}"
        self.branch.ip(f"route replace default via {GATEWAY} {how} proto dhcp")
        self.branch.ip(f"-6 route replace default via {GATEWAY6} {how} proto ra")

    def move_default(self, number: int) -> None:
        """The only default routes left are over this uplink: what a switch may look like."""
        self.give_defaults(number)
        for family, default in ((4, "0.0.0.0/0"), (6, "::/0")):
            self.branch.ip(f"-{family} route flush exact {default} dev wan{3 - number} table main")

    def echoes(self, number: int, family: int = 4) -> int:
        """How many echo requests have reached this provider."""
        if family == 6:
            text = self.isps[number].shell("cat /proc/net/snmp6")
            return int(next(row.split()[1] for row in text.splitlines() if "Icmp6InEchos " in row))
        rows = [
            row.split() for row in self.isps[number].shell("cat /proc/net/snmp").splitlines()
            if row.startswith("Icmp:")
        ]  # fmt: skip
        return int(dict(zip(*rows, strict=True))["InEchos"])

    def close(self) -> None:
        """Delete all namespaces."""
        for namespace in (self.branch, *self.isps.values()):
            namespace.delete()


def specs(mode: ProbeRouteMode = ProbeRouteMode.MANAGED, **both: str | int) -> list[UplinkSpec]:
    """Both uplinks, everything ``auto`` but what ``both`` says."""
    return [
        UplinkSpec(key, f"uid-{key}", f"line {key}", f"wan{key}", mode, **both)  # type: ignore[arg-type]
        for key in (1, 2)
    ]


class Watcher:
    """A keeper and everything it has told, in the namespace of the caller."""

    def __init__(self) -> None:
        self.told: list[tuple[int, States]] = []
        self.also: Callable[[States], None] = lambda states: None
        self.keeper = UplinkKeeper(self._note)
        self.keeper.start()

    def _note(self, states: States) -> None:
        self.told.append((time.monotonic_ns(), states))
        self.also(states)

    def now(self, key: int) -> UplinkState:
        """The last state told of one uplink."""
        return self.told[-1][1][key]

    def wait(self, wanted: Callable[[States], bool], what: str) -> States:
        """The first states, from now on, that are as wanted."""
        deadline = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < deadline:
            if self.told and wanted(self.told[-1][1]):
                return self.told[-1][1]
            time.sleep(0.002)
        raise AssertionError(f"{what}: {self.told[-1:] or 'nothing was told'}")

    def wait_verified(self, *keys: int, family: int = 4) -> States:
        """All of these are up and verified."""
        return self.wait(
            lambda states: all(
                key in states
                and states[key].link.value == "up"
                and (states[key].route6 if family == 6 else states[key].route)
                is RouteState.VERIFIED
                for key in keys
            ),
            f"uplinks {keys} verified for IPv{family}",
        )


class Pinger:
    """Echo requests that leave as an uplink's state says: source, interface, mark."""

    def __init__(self, family: int = 4) -> None:
        self._family = family
        inet, protocol = (
            (socket.AF_INET6, socket.IPPROTO_ICMPV6)
            if family == 6
            else (socket.AF_INET, socket.IPPROTO_ICMP)
        )
        self._socket = socket.socket(inet, socket.SOCK_RAW, protocol)
        self._identifier = secrets.randbelow(1 << 16)
        self._sequence = 0

    def ping(self, state: UplinkState, target: str = "", wait_secs: float = 0.5) -> bool:
        """One probe; True when it was answered."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        try:
            self._send(state, target or (TARGET6 if self._family == 6 else TARGET))
        except OSError:
            return False
        deadline = time.monotonic() + wait_secs
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                return False
            if self._is_answer(packet):
                return True
        return False

    def _send(self, state: UplinkState, target: str) -> None:
        kind = 128 if self._family == 6 else 8
        packet = struct.pack("!BBHHH", kind, 0, 0, self._identifier, self._sequence)
        checksum = 0xFFFF - (sum(struct.unpack("!4H", packet)) % 0xFFFF)
        packet = struct.pack("!BBHHH", kind, 0, checksum, self._identifier, self._sequence)
        if self._family == 6:
            source = socket.inet_pton(socket.AF_INET6, state.source6 or "::")
            info = (
                socket.IPPROTO_IPV6,
                socket.IPV6_PKTINFO,
                source + struct.pack("@i", state.index),
            )
        else:
            source = socket.inet_pton(socket.AF_INET, state.source or "0.0.0.0")
            info = (socket.IPPROTO_IP, 8, struct.pack("@i4s4s", state.index, source, bytes(4)))
        options = [info]
        if state.fwmark:
            options.append((socket.SOL_SOCKET, 36, struct.pack("@I", state.fwmark)))
        self._socket.sendmsg([packet], options, 0, (target, 0))

    def _is_answer(self, packet: bytes) -> bool:
        body = packet if self._family == 6 else packet[(packet[0] & 15) * 4 :]
        kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", body)
        return (kind, identifier, sequence) == (
            129 if self._family == 6 else 0, self._identifier, self._sequence,
        )  # fmt: skip

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
