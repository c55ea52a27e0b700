"""A line answers but is no good: loss, bursts, latency, jitter. Traffic leaves it, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab import faults
from tests.lab.product import CABLE, FIBRE, Product
from tests.lab.two_providers import TwoProviders
from tests.lab.watching import scores

pytestmark = pytest.mark.root
Install = Callable[..., Product]


@pytest.mark.parametrize(
    "fault",
    [
        "loss",
        pytest.param("bursts", marks=pytest.mark.lab_all),
        pytest.param("latency", marks=pytest.mark.lab_all),
        pytest.param("jitter", marks=pytest.mark.lab_all),
    ],
)
def test_a_primary_that_is_no_good_any_more_is_left_once(
    net: TwoProviders, install: Install, fault: str
) -> None:
    product = install()
    faults.begin(net, fault)
    product.wait_active(CABLE)
    (event,) = product.events("triggered")
    assert (event["direction"], event["source"]) == ("failover", FIBRE)
    assert product.switches() == [CABLE]


@pytest.mark.lab_all
def test_a_backup_that_is_no_good_is_no_way_out_of_a_primary_that_is_no_better(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    faults.begin(net, "loss", 2)
    product.wait(lambda: scores(product, CABLE, below=50), "cable is bad")
    faults.begin(net, "loss", 1)
    product.wait_event("no_viable_path")
    assert product.switches() == []


@pytest.mark.lab_all
def test_a_bad_backup_is_better_than_a_dead_primary(net: TwoProviders, install: Install) -> None:
    product = install()
    faults.begin(net, "loss", 2)
    product.wait(lambda: scores(product, CABLE, below=50), "cable is bad")
    faults.begin(net, "blackhole", 1)
    product.wait_active(CABLE)
    assert product.switches() == [CABLE]


@pytest.mark.lab_all
def test_a_line_that_gets_longer_without_loss_stays_in_use(
    net: TwoProviders, install: Install
) -> None:
    """A reroute from 20 to 120 ms: worse, above the threshold, and never called dead."""
    net.impair(1, delay_ms=10)
    product = install()
    net.impair(1, delay_ms=60)
    product.wait(lambda: scores(product, FIBRE, below=98), "it is seen")
    product.wait(lambda: (product.paths()[FIBRE]["received"] or 0) >= 95, "a window of it")
    assert product.paths()[FIBRE]["reachable"]
    assert product.switches() == []
