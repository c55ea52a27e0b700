"""A repaired line is seen, waited for, and returned to; each further time later."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab import faults
from tests.lab.product import CABLE, FIBRE, Product
from tests.lab.two_providers import TwoProviders

pytestmark = pytest.mark.root
Install = Callable[..., Product]
DWELL_SECS = 10


def secs_between(product: Product, earlier_ns: int, timestamp: str) -> float:
    return (product.monotonic_ns(timestamp) - earlier_ns) / 1e9


def test_a_repaired_primary_is_seen_over_itself_and_returned_to_after_the_delay(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy={"failback_delay_secs": 4})
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    left = product.events("triggered")[0]["timestamp"]
    repaired_ns = faults.end(net, "blackhole")
    product.wait_path(FIBRE, reachable=1)
    product.wait_active(FIBRE)
    returned = product.events("triggered")[1]
    assert returned["direction"] == "failback"
    assert secs_between(product, repaired_ns, returned["timestamp"]) >= 4
    assert secs_between(product, product.monotonic_ns(left), returned["timestamp"]) >= DWELL_SECS
    assert product.switches() == [CABLE, FIBRE]


@pytest.mark.lab_all
def test_each_further_return_waits_four_times_as_long(net: TwoProviders, install: Install) -> None:
    """With a delay of 3.5 s the second wait is almost 14 s: longer than any dwell."""
    product = install(policy={"failback_delay_secs": 4})
    for number in (1, 2):
        faults.begin(net, "blackhole")
        product.wait(lambda: len(product.switches()) == 2 * number - 1, "it is left")  # noqa: B023
        repaired_ns = faults.end(net, "blackhole")
        product.wait(lambda: len(product.switches()) == 2 * number, "it is returned to")  # noqa: B023
    returned = product.events("triggered")[3]["timestamp"]
    assert secs_between(product, repaired_ns, returned) > 15  # 4 · 4, less what P has decayed


@pytest.mark.lab_all
def test_a_line_that_flaps_is_left_once_and_not_returned_to(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy={"failback_delay_secs": 5})
    for _ in range(6):
        faults.begin(net, "blackhole")
        time.sleep(1.5)
        faults.end(net, "blackhole")
        time.sleep(1.5)
    assert product.switches() == [CABLE]


@pytest.mark.lab_all
def test_a_return_by_hand_waits_for_a_person(net: TwoProviders, install: Install) -> None:
    product = install(policy={"failback_mode": "manual", "failback_delay_secs": 1})
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    faults.end(net, "blackhole")
    product.wait_path(FIBRE, status="up")
    time.sleep(DWELL_SECS + 2)
    assert product.switches() == [CABLE]


def test_a_killed_monitor_moves_nothing_and_its_successor_goes_on_from_there(
    net: TwoProviders, install: Install
) -> None:
    product = install()
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    product.kill()
    assert product.carries(CABLE)
    routes, state = net.defaults(), product.state()
    product.start()
    product.wait(lambda: product.query(LEASE)[0]["epoch"] == 2, "the successor has the lease")
    faults.end(net, "blackhole")
    product.wait_path(FIBRE, reachable=1)
    assert product.state()["active"] == CABLE
    assert (product.state()["generation"], net.defaults()) == (state["generation"], routes)
    product.wait_active(FIBRE)
    assert product.switches() == [CABLE, FIBRE]
    assert [event["generation"] for event in product.events("completed")] == [1, 2]


LEASE = "SELECT epoch FROM sdwan_monitor_leases"
