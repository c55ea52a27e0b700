"""The frr executor keeps the executors' contract, with a real FRR and the contract's lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from failover.executors.base import Intent, Plan, RouteExecutor
from failover.executors.frr import FrrExecutor
from tests.functional.failover.executors.frr_daemons import Frr
from tests.lab.namespaces import Namespace
from tests.unit.failover.executors.contract import ExecutorContract


@pytest.fixture
def frr() -> Iterator[Frr]:
    """FRR on a router with the lines that the contract's orders name; this thread is inside."""
    router = Namespace("frrcontract")
    daemons = None
    try:
        router.sysctl(ipv6__conf__default__accept_dad=0)
        for number, networks in (
            (1, ("192.0.2.10/24", "2001:db8:1::a/64")),
            (2, ("198.51.100.10/24", "2001:db8:2::a/64")),
        ):
            router.ip(f"link add wan{number} type veth peer name far{number}")
            for network in networks:
                router.ip(f"addr add {network} dev wan{number}")
            router.ip(f"link set wan{number} up")
            router.ip(f"link set far{number} up")
        daemons = Frr(router)
        with router.inside():
            yield daemons
    finally:
        if daemons is not None:
            daemons.stop()
        router.delete()


class Wired(FrrExecutor):
    """Reaches the test's FRR, whatever the order says."""

    def __init__(self, folder: Path, vtysh: list[str]) -> None:
        super().__init__(folder)
        self._vtysh = vtysh

    def plan(self, intent: Intent) -> Plan:
        return super().plan(replace(intent, options={"vtysh": self._vtysh}))


@pytest.mark.root
class TestFrr(ExecutorContract):
    """The common contract."""

    @pytest.fixture(autouse=True)
    def _reach(self, frr: Frr, tmp_path: Path) -> None:
        self.vtysh, self.folder = frr.vtysh, tmp_path / "executors"

    def make(self) -> RouteExecutor:
        return Wired(self.folder, self.vtysh)
