"""What went wrong in other products, by the number of their report (opnsense/core), here."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.lab import faults
from tests.lab.addresses import targets
from tests.lab.product import CABLE, FIBRE, Product
from tests.lab.stream import PORT, Stream
from tests.lab.two_providers import TwoProviders
from tests.lab.watching import stays

pytestmark = pytest.mark.root
Install = Callable[..., Product]
LINUX = {"executor": "linux"}
TOGETHER_SECS = 3.0


def flows(net: TwoProviders) -> str:
    """The user's connections, as connection tracking identifies them."""
    text = net.branch.shell(f"conntrack -L -p udp --dport {PORT} -o id 2>/dev/null")
    return " ".join(sorted(word for word in text.split() if word.startswith("id=")))


def count_probes(net: TwoProviders, addresses: list[str]) -> None:
    """From now on head office counts what comes for these, by provider."""
    rules = [
        f'iifname "isp{number}" ip daddr {{ {", ".join(addresses)} }} counter' for number in (1, 2)
    ]
    chain = "type filter hook input priority -10;\n" + "\n".join(rules)
    net.hq.nft(f"table inet probes {{ chain in {{ {chain}\n}}\n}}\n")


def probes_by(net: TwoProviders, number: int) -> int:
    """How many have come by this provider."""
    rows = net.hq.shell("nft list table inet probes").splitlines()
    words = next(row for row in rows if f'"isp{number}"' in row).split()
    return int(words[words.index("packets") + 1])


def test_9789_without_a_viable_target_no_state_is_killed_and_no_route_rebuilt(
    net: TwoProviders, install: Install
) -> None:
    net.nat = "snat"
    net.load_nat()
    product = install(policy=LINUX)
    with Stream(net):
        faults.begin(net, "blackhole", 1)
        product.wait_active(CABLE)
        time.sleep(TOGETHER_SECS)
        before = (flows(net), net.defaults())
        faults.begin(net, "blackhole", 2)
        product.wait_event("no_viable_path")
        stays(product, lambda: (flows(net), net.defaults()) == before, 4)
    assert before[0]


def test_3520_a_dead_line_is_not_called_alive_by_probes_over_the_other(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    count_probes(net, targets(1))
    product.wait(lambda: probes_by(net, 1) > 0, "fibre's probes arrive over fibre")
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    product.wait_path(FIBRE, reachable=0)
    stays(product, lambda: product.paths()[FIBRE]["reachable"] == 0, 4)
    assert probes_by(net, 2) == 0


@pytest.mark.lab_all
def test_3688_failover_works_more_than_once(net: TwoProviders, install: Install) -> None:
    product = install(policy={**LINUX, "damping": False})
    for _ in range(2):
        faults.begin(net, "blackhole")
        product.wait_active(CABLE)
        faults.end(net, "blackhole")
        product.wait_active(FIBRE)
    assert product.switches() == [CABLE, FIBRE] * 2


@pytest.mark.lab_all
def test_5956_the_route_is_there_again_after_the_interface_has_flapped(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    before = net.defaults()
    faults.begin(net, "set_down", 1)
    faults.end(net, "set_down", 1)
    product.wait(lambda: net.defaults() == before, "all routes are there again")
    product.wait_active(FIBRE)


@pytest.mark.lab_all
def test_7635_no_socket_is_stuck_on_an_address_that_is_gone(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    for _ in range(2):
        faults.begin(net, "renewed")
        faults.begin(net, "carrier_lost")
        product.wait_path(FIBRE, reachable=0)
        faults.end(net, "carrier_lost")
        product.wait_path(FIBRE, reachable=1)


@pytest.mark.lab_all
def test_5815_saving_a_policy_loses_no_probe_and_moves_nothing(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    for threshold in (45, 40, 35):
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        product.execute(
            "UPDATE sdwan_failover_policies SET failover_threshold = ?, updated_at = ?",
            threshold, now,
        )  # fmt: skip
        stays(product, lambda: {row["status"] for row in product.paths().values()} == {"up"}, 2)
    assert product.switches() == []


@pytest.mark.lab_all
def test_6862_an_uplink_that_comes_up_after_the_monitor_is_used(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    product.stop()
    faults.begin(net, "set_down", 1)
    product.start()
    product.wait_active(CABLE)
    faults.end(net, "set_down", 1)
    product.wait_active(FIBRE)
