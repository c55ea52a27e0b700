"""A line dies, in every way in which lines die, and traffic leaves it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab import faults
from tests.lab.addresses import HEAD_OFFICE, targets
from tests.lab.product import CABLE, FIBRE, Product
from tests.lab.two_providers import TwoProviders
from tests.lab.watching import answers_echo, stays

pytestmark = pytest.mark.root
Install = Callable[..., Product]
TOGETHER_SECS = 3.0
"""Lines that die within 2 s are taken for one fault."""


@pytest.mark.parametrize(
    "fault",
    [
        "blackhole",
        "carrier_lost",
        pytest.param("blackhole_up", marks=pytest.mark.lab_all),
        pytest.param("blackhole_down", marks=pytest.mark.lab_all),
        pytest.param("line_down", marks=pytest.mark.lab_all),
        pytest.param("set_down", marks=pytest.mark.lab_all),
    ],
)
def test_a_dead_primary_is_left_once_and_the_event_says_why(
    net: TwoProviders, install: Install, fault: str
) -> None:
    product = install()
    began_ns = faults.begin(net, fault)
    product.wait_active(CABLE)
    (event,) = product.events("triggered")
    assert (event["direction"], event["source"], event["to"]) == ("failover", FIBRE, CABLE)
    assert event["reason"].startswith("Left fibre for cable:")
    assert product.monotonic_ns(event["timestamp"]) > began_ns
    assert product.state()["generation"] == event["generation"] == 1


def test_a_gateway_that_answers_does_not_hide_a_dead_line(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    assert answers_echo(net, net.leases[1].gateway)
    assert net.branch.shell("cat /sys/class/net/wan1/carrier").strip() == "1"


def test_a_backup_that_dies_is_left_for_a_primary_that_answers_again(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy={"failback_delay_secs": 600})
    faults.begin(net, "blackhole", 1)
    product.wait_active(CABLE)
    faults.end(net, "blackhole", 1)
    product.wait_path(FIBRE, reachable=1)
    faults.begin(net, "blackhole", 2)
    product.wait_active(FIBRE)
    assert product.switches() == [CABLE, FIBRE]


def test_without_a_viable_path_everything_stays_as_it_is(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    faults.begin(net, "blackhole", 1)
    product.wait_active(CABLE)
    before = (net.defaults(), product.state()["generation"])
    time.sleep(TOGETHER_SECS)
    faults.begin(net, "blackhole", 2)
    event = product.wait_event("no_viable_path")
    assert event["generation"] == 1
    stays(product, lambda: (net.defaults(), product.state()["generation"]) == before, 3)
    assert len(product.events("no_viable_path")) == 1
    assert product.switches() == [CABLE]


def test_lines_that_die_together_move_nothing_and_raise_one_event(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    before = net.defaults()
    faults.begin(net, "blackhole", 1)
    faults.begin(net, "blackhole", 2)
    product.wait_event("all_paths_down")
    product.wait_path(FIBRE, reachable=0)
    product.wait_path(CABLE, reachable=0)
    stays(product, lambda: not product.switches() and net.defaults() == before, 3)
    assert len(product.events("all_paths_down")) == 1


@pytest.mark.lab_all
def test_the_first_line_that_answers_again_ends_the_hold_of_all_paths_down(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    faults.begin(net, "blackhole", 1)
    faults.begin(net, "blackhole", 2)
    product.wait_event("all_paths_down")
    faults.end(net, "blackhole", 2)
    product.wait_active(CABLE)
    assert product.switches() == [CABLE]


@pytest.mark.lab_all
def test_a_target_that_polices_echoes_is_blamed_and_not_the_lines(
    net: TwoProviders, install: Install
) -> None:
    """Both paths ask it; each has others that answer."""
    product = install(
        fibre_targets=[HEAD_OFFICE, *targets(1, 2)], cable_targets=[HEAD_OFFICE, *targets(2, 2)]
    )
    faults.begin(net, "target_policed")
    product.wait(lambda: all(blamed(product, name) for name in (FIBRE, CABLE)), "it is blamed")
    stays(product, lambda: not product.switches(), 2)
    assert {row["status"] for row in product.paths().values()} == {"up"}


@pytest.mark.lab_all
def test_a_target_that_is_gone_is_not_a_dead_line(net: TwoProviders, install: Install) -> None:
    product = install(fibre_targets=[HEAD_OFFICE, *targets(1, 2)])
    faults.begin(net, "target_gone")
    product.wait(lambda: '"alive":false' in product.paths()[FIBRE]["targets"], "it is seen")
    stays(product, lambda: not product.switches() and product.paths()[FIBRE]["reachable"], 2)


def blamed(product: Product, name: str) -> bool:
    return '"blamed":true' in product.paths()[name]["targets"]
