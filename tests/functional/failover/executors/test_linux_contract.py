"""The linux executor keeps the executors' contract, with the contract's own lines made real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.executors.base import RouteExecutor
from failover.executors.linux import LinuxExecutor
from tests.conftest import missing_layer
from tests.lab.namespaces import Namespace
from tests.unit.failover.executors.contract import ExecutorContract


@pytest.fixture
def router() -> Iterator[Namespace]:
    """The lines that the contract's orders name; this thread is inside."""
    if os.geteuid() != 0:
        missing_layer("needs root: network namespaces")
    router = Namespace("contract")
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
        with router.inside():
            yield router
    finally:
        router.delete()


@pytest.mark.root
@pytest.mark.usefixtures("router")
class TestLinux(ExecutorContract):
    """The common contract."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "executors"

    def make(self) -> RouteExecutor:
        return LinuxExecutor(self.folder)
