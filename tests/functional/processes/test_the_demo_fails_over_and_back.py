"""The promise of the first page: a failover and a failback in six minutes, from real packets."""

from __future__ import annotations

import urllib.request

import pytest

from tests.functional.processes.product import Product, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("demo")]


def completed(product: Product, direction: str) -> bool:
    return any(
        event["type"] == "completed" and event["direction"] == direction
        for event in product.events()
    )


def test_a_visitor_sees_a_failover_and_a_failback(product: Product) -> None:
    wait_until(lambda: completed(product, "failover"), "a failover", 360, log=product.log)
    with urllib.request.urlopen(f"http://127.0.0.1:{product.port}/metrics", timeout=10) as answer:
        exposition = answer.read().decode()
    counters = [
        line
        for line in exposition.splitlines()
        if line.startswith("pathwarden_failover_events_total{") and 'type="completed"' in line
    ]
    assert counters
    assert sum(float(line.rsplit(" ", 1)[1]) for line in counters) >= 1
    wait_until(lambda: completed(product, "failback"), "a failback", 360, log=product.log)
