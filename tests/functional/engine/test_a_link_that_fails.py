"""An interface that goes down, loses its carrier or vanishes: proven here, dead at once.

Real interfaces, followed by the keeper of uplinks through netlink as in the product.
"""

from __future__ import annotations

import pytest

from tests.functional.engine.running import Place, failures, path_over, reflecting, running, uplink

pytestmark = pytest.mark.root

# A long hold: had the death to be confirmed by probes, it would take five seconds.
HOLD_MS = 5_000
CONFIG = {
    "paths": [path_over(1, hold_ms=HOLD_MS), path_over(2, hold_ms=HOLD_MS)],
    "uplinks": [uplink(1), uplink(2)],
}


def make_wan1(place: Place) -> None:
    place.vantage.ip(f"link add wan1 type veth peer name pwan1 netns {place.far.name}")
    place.vantage.ip("addr add 10.1.0.1/24 dev wan1")
    place.far.ip("addr add 10.1.0.2/24 dev pwan1")
    place.far.ip("link set pwan1 up")
    place.vantage.ip("link set wan1 up")


FAULTS = {
    "set down": (
        lambda place: place.vantage.ip("link set wan1 down"),
        lambda place: place.vantage.ip("link set wan1 up"),
    ),
    "carrier lost": (
        lambda place: place.far.ip("link set pwan1 down"),
        lambda place: place.far.ip("link set pwan1 up"),
    ),
    "deleted": (lambda place: place.vantage.ip("link delete wan1"), make_wan1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["icmp", "stamp"])
def test_the_path_is_down_at_once_and_comes_back_with_its_interface(
    place: Place, fault: str, kind: str
) -> None:
    breaking, mending = FAULTS[fault]
    rows = [row | {"kind": kind, "port": 862} for row in CONFIG["paths"]]
    with (
        reflecting(place.far),
        running(place.vantage, CONFIG | {"paths": rows}) as engine,
    ):
        engine.until_all("up")
        asked = engine.now()
        breaking(place)
        down = engine.until(lambda line: line["paths"]["1"]["reachable"] is False)
        assert down["paths"]["1"]["status"] == "down"
        assert down["paths"]["1"]["reason"] == "link_down"
        assert down["at"] - asked < HOLD_MS / 1000
        still = engine.run_for(3)
        assert still["paths"]["1"]["reason"] == "link_down"
        assert still["paths"]["2"]["status"] == "up"
        mending(place)
        engine.until(lambda line: line["paths"]["1"]["reachable"])
        counted = failures(engine.end())
    # A probe may leave in the milliseconds between the fault and its notice.
    assert counted.pop("lost", 0) <= 1
    assert set(counted) == {"link_down"}
    assert counted["link_down"] >= 3
