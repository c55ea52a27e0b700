"""A branch with two providers, a head office behind both, a LAN host behind NAT. Needs root.

::

    lan ── branch ══ wan1 ══ access isp1 line ~~~~ isp1 hq
                └═══ wan2 ══ access isp2 line ~~~~ isp2

Two kinds of wire: ``══`` is a veth pair, on which carriers come and go; ``~~`` is a line of the
emulator, on which packets are delayed and lost. Between them stands the provider's router, so
the branch's gateway answers and its carrier stays whatever happens to the line. At the head
office the interface of arrival tells the provider. How things break stands in ``faults``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from tests.lab.addresses import (
    HEAD_OFFICE,
    HEAD_OFFICE_NETWORKS,
    HEAD_OFFICE_NETWORKS6,
    LAN_GATEWAY,
    LAN_GATEWAY6,
    LAN_HOST,
    LAN_HOST6,
    POOLS,
    POOLS6,
    UPLINKS,
    Lease,
)
from tests.lab.namespaces import Namespace
from tests.lab.truth import Truth

Way = Literal["up", "down", "both"]
Nat = Literal["masquerade", "snat"]
ROOT = Path(__file__).resolve().parents[2]
_SYSCTLS = {
    "ipv4__conf__all__rp_filter": 0,
    "ipv4__conf__default__rp_filter": 0,
    "ipv4__ip_forward": 1,
    "ipv4__icmp_ratelimit": 0,
    "ipv6__icmp__ratelimit": 0,
    "ipv6__conf__all__forwarding": 1,
    "ipv6__conf__default__accept_dad": 0,
    "ipv6__conf__all__accept_dad": 0,
    # Static addresses survive an interface that is set down, as the IPv4 ones do.
    "ipv6__conf__all__keep_addr_on_down": 1,
    "ipv6__conf__default__keep_addr_on_down": 1,
}


class TwoProviders:
    """The network, from its making until ``close()``; a context manager.

    ``nat`` is what the branch does to the LAN's packets. Uplinks and providers are numbered
    1 and 2. The branch's own default routes are those of its DHCP clients: wan1 with metric
    100, wan2 with 200.
    """

    def __init__(self, nat: Nat = "masquerade") -> None:
        self.nat = nat
        self.leases = {number: Lease(number) for number in UPLINKS}
        self.directory = Path(tempfile.mkdtemp(prefix="pathwarden-lab-"))
        self.truth = Truth(self.directory / "truth.jsonl")
        self.quiet: set[str] = set()
        """Addresses of the head office that have stopped answering."""
        self.policed: dict[str, int] = {}
        """Addresses of the head office that answer so many echo requests a second."""
        self._emulator: subprocess.Popen[str] | None = None
        self._namespaces: list[Namespace] = []
        try:
            self.lan, self.branch, self.hq = (self._made(name) for name in ("lan", "branch", "hq"))
            self.isps = {number: self._made(f"isp{number}") for number in UPLINKS}
            self._start_emulator()
            self._wire()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> TwoProviders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _made(self, label: str) -> Namespace:
        namespace = Namespace(label)
        self._namespaces.append(namespace)
        namespace.sysctl(**_SYSCTLS)
        return namespace

    def close(self) -> None:
        """End the emulator, which removes the namespaces and what runs in them."""
        if self._emulator is not None:
            self._emulator.communicate(timeout=60)
            self._emulator = None
        for namespace in self._namespaces:
            namespace.delete()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- making -------------------------------------------------------------------
    def _start_emulator(self) -> None:
        self._emulator = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.emulator"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        lines = {
            f"isp{number}": {
                "near": [isp.name, "line"],
                "far": [self.hq.name, f"isp{number}"],
            }
            for number, isp in self.isps.items()
        }
        names = [namespace.name for namespace in self._namespaces]
        self._tell({"lines": lines, "namespaces": names, "directory": str(self.directory)})
        if self._hear() != "ready":
            raise RuntimeError("The emulator did not start; it has said why on standard error.")

    def _wire(self) -> None:
        for number in UPLINKS:
            self.plug(number)
            self.give_lease(number)
        self.branch.batch([
            f"link add lan0 type veth peer name eth0 netns {self.lan.name}",
            f"addr add {LAN_GATEWAY}/24 dev lan0", f"addr add {LAN_GATEWAY6}/64 dev lan0 nodad",
            "link set lan0 up",
        ])  # fmt: skip
        self.lan.batch([
            f"addr add {LAN_HOST}/24 dev eth0", f"addr add {LAN_HOST6}/64 dev eth0 nodad",
            "link set eth0 up",
            f"route add default via {LAN_GATEWAY}", f"route add ::/0 via {LAN_GATEWAY6}",
        ])  # fmt: skip
        answering = (*HEAD_OFFICE_NETWORKS, *HEAD_OFFICE_NETWORKS6)
        self.hq.batch([f"route add local {n} dev lo" for n in answering])
        for number in UPLINKS:
            self.hq.batch([
                f"link set isp{number} up",
                f"route add {POOLS[number]}.0/24 dev isp{number}",
                f"route add {POOLS6[number]}::/48 dev isp{number}",
            ])  # fmt: skip
            self.raise_line(number)

    def plug(self, number: int) -> None:
        """The wire between branch and provider; also after the interface has been deleted."""
        isp = self.isps[number]
        self.branch.batch([
            f"link add wan{number} type veth peer name access netns {isp.name}",
            f"link set wan{number} up",
        ])  # fmt: skip
        isp.ip("link set access up")

    def raise_line(self, number: int) -> None:
        """The provider's end of the line comes up, and its routes with it."""
        self.isps[number].batch([
            "link set line up", "route replace default dev line", "route replace ::/0 dev line",
        ])  # fmt: skip

    # --- what DHCP and router advertisements do ---------------------------------------
    def give_lease(self, number: int, serial: int = 0) -> None:
        """Address and gateway of the uplink, and the default routes that come with them."""
        before, lease = self.leases[number], Lease(number, serial)
        self.leases[number] = lease
        self.isps[number].batch([
            f"addr replace {lease.gateway}/28 dev access",
            f"addr replace {lease.gateway6}/64 dev access nodad",
        ])  # fmt: skip
        self.branch.ip(f"addr flush dev wan{number} scope global")
        self.branch.batch([
            f"addr add {lease.address}/28 dev wan{number}",
            f"addr add {lease.address6}/64 dev wan{number} nodad",
        ])  # fmt: skip
        self.give_default(number)
        self.load_nat()
        if before != lease:
            self.truth.note("renewed", uplink=number, address=lease.address, was=before.address)

    def give_default(self, number: int) -> None:
        """The default routes of the uplink's DHCP client and of router advertisements."""
        lease, how = self.leases[number], f"dev wan{number} metric {100 * number}"
        self.branch.batch([
            f"route replace default via {lease.gateway} {how} proto dhcp",
            f"route replace ::/0 via {lease.gateway6} {how} proto ra",
        ])  # fmt: skip

    def load_nat(self) -> None:
        """The branch's address translation, for the leases as they are."""
        rules = [_nat_rules(self.nat, lease) for lease in self.leases.values()]
        self.branch.nft(
            "table inet branch_nat {}\ndelete table inet branch_nat\n"
            "table inet branch_nat { chain out { type nat hook postrouting priority srcnat;\n"
            + "\n".join(rules)
            + "\n}\n}\n"
        )

    # --- the lines ----------------------------------------------------------------------
    def impair(self, number: int, way: Way = "both", **settings: float | bool) -> int:
        """Set a line, or one way of it, to exactly these ``Impairment``s; none: it is clean.

        Returns when, in ns of CLOCK_MONOTONIC, and notes it in the truth.
        """
        ways = ("up", "down") if way == "both" else (way,)
        pipes = [f"isp{number}/{one}" for one in ways]
        answer = self._ask(do="impair", pipes=pipes, settings=settings)
        return self.truth.note(
            "impaired", at_ns=answer["at_ns"], uplink=number, way=way, settings=settings
        )

    def counts(self, number: int, way: Literal["up", "down"]) -> dict[str, int]:
        """What the emulator has done to the packets of one direction, so far."""
        counts: dict[str, int] = self._ask(do="counts")["counts"][f"isp{number}/{way}"]
        return counts

    def _ask(self, **order: Any) -> dict[str, Any]:
        self._tell(order)
        answer: dict[str, Any] = json.loads(self._hear())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._emulator is not None
        assert self._emulator.stdin is not None
        self._emulator.stdin.write(json.dumps(order) + "\n")
        self._emulator.stdin.flush()

    def _hear(self) -> str:
        assert self._emulator is not None
        assert self._emulator.stdout is not None
        return self._emulator.stdout.readline().strip()

    # --- the head office ------------------------------------------------------------------
    def load_filter(self) -> None:
        """Make ``quiet`` and ``policed`` true."""
        rules = [f"{_nft_family(a)} daddr {a} drop" for a in sorted(self.quiet)]
        rules += [
            f"{_nft_family(a)} daddr {a} {_nft_echo(a)} limit rate over {rate}/second "
            f"burst {rate} packets drop"
            for a, rate in sorted(self.policed.items())
        ]
        self.hq.nft(
            "table inet hq_filter {}\ndelete table inet hq_filter\n"
            "table inet hq_filter { chain in { type filter hook input priority 0;\n"
            + "\n".join(rules)
            + "\n}\n}\n"
        )

    # --- what the kernel says ---------------------------------------------------------------
    def carrying(self, destination: str = HEAD_OFFICE) -> int | None:
        """The uplink by which the branch forwards the LAN's packets now; None: by none."""
        host, family = (LAN_HOST6, "-6") if ":" in destination else (LAN_HOST, "-4")
        try:
            text = self.branch.ip(f"{family} -j route get {destination} from {host} iif lan0")
        except RuntimeError:  # unreachable
            return None
        device = str(json.loads(text)[0].get("dev", ""))
        return int(device[-1]) if device.startswith("wan") else None

    def defaults(self, family: int = 4) -> list[dict[str, Any]]:
        """The default routes of the branch's main table, as ``ip -j route`` has them."""
        routes: list[dict[str, Any]] = json.loads(
            self.branch.ip(f"-{family} -j route show default") or "[]"
        )
        return routes

    @staticmethod
    def datagrams(namespace: Namespace, counter: str) -> int:
        """A counter of the namespace's kernel about UDP over IPv4, such as ``InDatagrams``."""
        names, values = (
            line.split() for line in namespace.shell("grep ^Udp: /proc/net/snmp").splitlines()
        )
        return int(values[names.index(counter)])


def _nft_family(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def _nft_echo(address: str) -> str:
    return "icmpv6 type echo-request" if ":" in address else "icmp type echo-request"


def _nat_rules(nat: Nat, lease: Lease) -> str:
    device = f'oifname "wan{lease.number}"'
    if nat == "masquerade":
        return f"{device} masquerade"
    return f"{device} snat ip to {lease.address}\n{device} snat ip6 to {lease.address6}"
