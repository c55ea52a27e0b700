"""What people order: it is obeyed, but never against the network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab import faults
from tests.lab.product import CABLE, FIBRE, Product
from tests.lab.two_providers import TwoProviders
from tests.lab.watching import scores, stays

pytestmark = pytest.mark.root
Install = Callable[..., Product]


def test_a_pin_moves_at_once_and_holds_against_a_brownout(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    assert product.order("pin", "--path", CABLE)["stage"] == "done"
    product.wait_active(CABLE)
    faults.begin(net, "loss", 2)
    product.wait(lambda: scores(product, CABLE, below=40), "cable is bad")
    stays(product, lambda: product.switches() == [CABLE], 5)


@pytest.mark.lab_all
def test_a_pin_is_escaped_when_its_path_is_dead_and_returned_to(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    assert product.order("pin", "--path", CABLE)["stage"] == "done"
    product.wait_active(CABLE)
    faults.begin(net, "blackhole", 2)
    product.wait_active(FIBRE)
    faults.end(net, "blackhole", 2)
    product.wait_active(CABLE)


@pytest.mark.lab_all
def test_a_pin_that_says_so_holds_even_on_a_dead_path(net: TwoProviders, install: Install) -> None:
    product = install()
    assert product.order("pin", "--path", CABLE, "--only")["stage"] == "done"
    product.wait_active(CABLE)
    faults.begin(net, "blackhole", 2)
    product.wait_path(CABLE, reachable=0)
    stays(product, lambda: product.switches() == [CABLE], 4)


@pytest.mark.lab_all
def test_a_pin_to_a_dead_path_is_refused_with_the_reason(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    faults.begin(net, "blackhole", 2)
    product.wait_path(CABLE, reachable=0)
    ended = product.order("pin", "--path", CABLE)
    assert ended["stage"] == "refused"
    assert "cable" in ended["detail"].lower()
    assert product.switches() == []


@pytest.mark.lab_all
def test_a_released_pin_lets_the_rules_return(net: TwoProviders, install: Install) -> None:
    product = install()
    product.order("pin", "--path", CABLE)
    product.wait_active(CABLE)
    assert product.order("unpin")["stage"] == "done"
    product.wait_active(FIBRE)


@pytest.mark.lab_all
def test_a_paused_policy_moves_nothing_until_it_is_resumed(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    assert product.order("pause")["stage"] == "done"
    faults.begin(net, "blackhole")
    product.wait_path(FIBRE, reachable=0)
    stays(product, lambda: not product.switches(), 4)
    assert product.order("resume")["stage"] == "done"
    product.wait_active(CABLE)


@pytest.mark.lab_all
def test_an_ordered_failover_and_failback_move_once_each(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy={"failback_mode": "never"})
    assert product.order("failover")["stage"] == "done"
    product.wait_active(CABLE)
    assert product.order("failback")["stage"] == "done"
    product.wait_active(FIBRE)
    assert [event["direction"] for event in product.events("completed")] == ["operator"] * 2
