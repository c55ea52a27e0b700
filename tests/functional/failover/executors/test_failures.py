"""A switch happens as a whole or not at all; a refusal names what is wrong and its cure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from failover.executors.base import ExecutorError, Route, Selectors
from failover.executors.linux import LinuxExecutor
from failover.executors.linux_kernel import LinuxRouting
from tests.functional.failover.executors.branch import POLICY, Branch, order, uplink

pytestmark = pytest.mark.root

TWO = (Route(4), Route(4, "192.0.2.0/24"))


def make_the_kernel_refuse(branch: Branch, monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    """The line of ``prefix`` goes down in the moment in which its route is put."""
    put = LinuxRouting.replace_route

    def replace_route(self: LinuxRouting, route: object) -> None:
        if getattr(route, "prefix", "") == prefix and getattr(route, "interface", "") == "wan2":
            branch.router.ip("link set wan2 down")
        put(self, route)  # type: ignore[arg-type]

    monkeypatch.setattr(LinuxRouting, "replace_route", replace_route)


def test_when_the_second_of_two_routes_fails_the_first_is_taken_back(
    branch: Branch, executor: LinuxExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor.apply(executor.plan(order(1, 1, *TWO)))
    before = branch.routes()
    make_the_kernel_refuse(branch, monkeypatch, "192.0.2.0/24")
    with pytest.raises(ExecutorError, match=r"or that has gone.*Everything was taken") as error:
        executor.apply(executor.plan(order(2, 2, *TWO)))
    assert error.value.retryable
    assert sorted(branch.routes()) == sorted(before)
    observed = executor.observe(POLICY)
    assert observed is not None
    assert (observed.path_key, observed.generation) == (1, 2)


def test_a_first_switch_that_fails_leaves_no_route_behind(
    branch: Branch, executor: LinuxExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch.router.ip("route add default via 10.1.0.1 metric 100 proto dhcp")
    add = LinuxRouting.add_route

    def add_route(self: LinuxRouting, route: object) -> None:
        if getattr(route, "prefix", "") == "192.0.2.0/24":
            branch.router.ip("link set wan2 down")
        add(self, route)  # type: ignore[arg-type]

    monkeypatch.setattr(LinuxRouting, "add_route", add_route)
    with pytest.raises(ExecutorError, match="ENETUNREACH"):
        executor.apply(executor.plan(order(2, 1, *TWO)))
    assert branch.routes() == ["default via 10.1.0.1 dev wan1 proto dhcp metric 100"]
    assert executor.observe(POLICY) is None


def test_a_rule_that_fails_takes_the_routes_back(
    branch: Branch, executor: LinuxExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_rule(self: LinuxRouting, rule: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(LinuxRouting, "add_rule", add_rule)
    route = Route(4, table=100, selectors=Selectors(fwmark=9))
    with pytest.raises(ExecutorError, match=r"rule add fwmark 0x9.*Everything was taken back"):
        executor.apply(executor.plan(order(1, 1, route)))
    assert branch.routes(table="100") == []


def test_a_read_back_that_differs_takes_everything_back(
    branch: Branch, executor: LinuxExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor.apply(executor.plan(order(1)))
    put = LinuxRouting.replace_route

    def replace_route(self: LinuxRouting, route: object) -> None:
        put(self, route)  # type: ignore[arg-type]
        if getattr(route, "interface", "") == "wan2":  # somebody is quicker than the reading
            branch.router.ip(
                "route replace default via 10.1.0.1 dev wan1 metric 50 proto 173 mtu 1400"
            )

    monkeypatch.setattr(LinuxRouting, "replace_route", replace_route)
    with pytest.raises(
        ExecutorError, match=r"not as ordered: wanted .* wan2 .* but there is"
    ) as error:
        executor.apply(executor.plan(order(2, 2)))
    assert error.value.retryable
    assert branch.routes() == ["default via 10.1.0.1 dev wan1 proto 173 metric 50"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"interface": "wan9"}, "interface wan9 does not exist.*Correct the uplink's interface"),
        ({"gateway": "198.51.100.1"}, "gateway 198.51.100.1 is in no network of wan2"),
        ({"gateway": "10.2.0.2"}, "gateway 10.2.0.2 is an address of this host itself"),
        ({"gateway": ""}, "no IPv4 gateway is known on wan2"),
        ({"source": "10.1.0.99"}, "source 10.1.0.99 is perhaps no address of this host"),
        ({"interface": "", "gateway": "10.2.0.1"}, "names no interface"),
    ],
)
def test_an_uplink_that_leads_nowhere_is_refused_before_anything_is_changed(
    branch: Branch, executor: LinuxExecutor, change: dict[str, str], said: str
) -> None:
    executor.apply(executor.plan(order(1)))
    intent = replace(order(2, 2), to_uplink=uplink(2, **change))
    with pytest.raises(ExecutorError, match=said):
        executor.apply(executor.plan(intent))
    assert branch.routes() == ["default via 10.1.0.1 dev wan1 proto 173 metric 50"]


def test_an_interface_that_is_down_is_named_and_tried_again_later(
    branch: Branch, executor: LinuxExecutor
) -> None:
    branch.router.ip("link set wan2 down")
    with pytest.raises(
        ExecutorError, match=r"interface wan2 is down. `ip link set wan2 up`"
    ) as error:
        executor.apply(executor.plan(order(2)))
    assert error.value.retryable


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder in which anybody may write, so that it is not what stands in the way."""
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@contextmanager
def nobody_special() -> Iterator[None]:
    """This process without the rights of root, for a moment."""
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_an_ordinary_user_is_told_which_right_is_missing(branch: Branch, open_folder: Path) -> None:
    executor = LinuxExecutor(open_folder)
    with nobody_special(), pytest.raises(ExecutorError, match="CAP_NET_ADMIN") as error:
        executor.apply(executor.plan(order(2, 2)))
    assert not error.value.retryable
    assert "EPERM" in str(error.value)
    assert branch.routes() == []


def test_a_folder_that_cannot_be_written_stops_the_switch_before_the_kernel(
    branch: Branch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    executor = LinuxExecutor(tmp_path / "file" / "executors")
    with pytest.raises(ExecutorError, match=r"fence file .* can't be written") as error:
        executor.apply(executor.plan(order(2)))
    assert error.value.retryable
    assert branch.routes() == []
