"""What tests of use cases ask again and again; judges nothing by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from icmplib import ping

from tests.lab.product import Product
from tests.lab.two_providers import TwoProviders

OUR_PROTOCOL = "173"


def stays(product: Product, condition: Callable[[], bool], secs: float) -> None:
    """True now and at every look for so long."""
    until = time.monotonic() + secs
    while time.monotonic() < until:
        assert condition(), product.situation()
        time.sleep(0.1)


def answers_echo(net: TwoProviders, address: str) -> bool:
    """An address answers echo requests of the branch."""
    with net.branch.inside():
        return bool(ping(address, count=3, interval=0.05, timeout=2).is_alive)


def routes_of_others(net: TwoProviders) -> list[dict[str, Any]]:
    """Default routes of both families that are not the product's."""
    return [
        route
        for family in (4, 6)
        for route in net.defaults(family)
        if route.get("protocol") != OUR_PROTOCOL
    ]


def scores(product: Product, name: str, *, below: float) -> bool:
    """The path has a score, and it is below that."""
    score = product.paths()[name]["health_score"]
    return score is not None and score < below
