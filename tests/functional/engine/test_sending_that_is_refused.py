"""A route, a firewall or a full queue of this host keeps probes in: no loss, but the cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.engine.running import (
    Line,
    Place,
    failures,
    path_over,
    reflecting,
    running,
)

pytestmark = pytest.mark.root

ELSEWHERE = "198.51.100.7"
KINDS = ["icmp", "stamp", "tcp", "dns", "http"]
DATAGRAM_KINDS = ["icmp", "stamp", "dns"]
"""Of these the kernel says what became of a packet; a SYN it simply sends again."""
OUTCOMES = {"misconfigured": "misconfigured", "permission": "denied"}
REJECT = "table ip t { chain o { type filter hook output priority 0; ip daddr 10.1.0.2 %s; }; }"


def verified(key: int) -> dict[str, Any]:
    """The state of an uplink whose probe route was verified."""
    return {"key": key, "link": "up", "route": "verified"}


def no_loss(path: Line) -> bool:
    return path["loss"] is None and path["reachable"] is None and path["status"] == "unknown"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("route", "reason", "word"),
    [
        ("", "misconfigured", "no route to 198.51.100.7"),
        ("unreachable", "misconfigured", "calls 198.51.100.7 unreachable"),
        ("prohibit", "permission", "a route prohibits 198.51.100.7"),
        ("blackhole", "misconfigured", "no blackhole route"),
    ],
)
def test_a_route_that_leads_nowhere_is_not_the_network_s_fault(
    place: Place, kind: str, route: str, reason: str, word: str
) -> None:
    if route:
        place.vantage.ip(f"route add {route} {ELSEWHERE}")
    row = {"key": 1, "kind": kind, "address": ELSEWHERE, "port": 80}
    with running(place.vantage, {"paths": [row]}) as engine:
        path = engine.until(lambda line: line["paths"]["1"]["reason"] == reason)["paths"]["1"]
        assert word in path["detail"]
        last = engine.run_for(2)
        assert no_loss(last["paths"]["1"])
        assert set(failures(engine.end())) == {OUTCOMES[reason]}


@pytest.mark.parametrize("kind", ["icmp", "stamp"])
def test_no_route_although_the_probe_route_was_verified_is_loss_with_the_reason(
    place: Place, kind: str
) -> None:
    # Over a named interface Linux takes what has no route for on-link, and sends.
    row = path_over(1, kind=kind, port=862, interface="")
    with (
        reflecting(place.far),
        running(place.vantage, {"paths": [row], "states": [verified(1)]}) as engine,
    ):
        engine.until_all("up")
        place.vantage.ip("route add unreachable 10.1.0.2")
        down = engine.until(lambda line: line["paths"]["1"]["reachable"] is False)
        assert down["paths"]["1"]["reason"] == "no_answer"
        assert "unreachable" in down["paths"]["1"]["detail"]
        counted = failures(engine.end())
    assert set(counted) == {"refused"}


@pytest.mark.parametrize("kind", DATAGRAM_KINDS)
@pytest.mark.parametrize("verdict", ["drop", "reject"])
def test_a_firewall_of_this_host_that_stops_probes_makes_the_path_unknown(
    place: Place, kind: str, verdict: str
) -> None:
    place.vantage.shell(f"echo '{REJECT % verdict}' | nft -f -")
    row = path_over(1, kind=kind, port=862)
    with running(place.vantage, {"paths": [row]}) as engine:
        line = engine.until(lambda line: line["paths"]["1"]["reason"] == "permission")
        assert "a firewall rule of this host stops the probe" in line["paths"]["1"]["detail"]
        assert no_loss(engine.run_for(2)["paths"]["1"])
        assert set(failures(engine.end())) == {"denied"}


def clog(place: Place) -> None:
    """wan1 sends some twenty more packets and no others, and queues but one of them."""
    place.vantage.shell("tc qdisc replace dev wan1 root tbf rate 8bit burst 2000 limit 100")


@pytest.mark.parametrize("kind", ["icmp", "stamp"])
def test_a_full_send_queue_is_first_unknown_and_then_the_uplink_s_loss(
    place: Place, kind: str
) -> None:
    paths = [path_over(key, kind=kind, port=862, hold_ms=2_000) for key in (1, 2)]
    with reflecting(place.far), running(place.vantage, {"paths": paths}) as engine:
        engine.until_all("up")
        clog(place)
        full = engine.until(lambda line: line["paths"]["1"]["reason"] == "own_fault")
        assert "the send queue of interface 'wan1' is full" in full["paths"]["1"]["detail"]
        assert full["paths"]["1"]["status"] == "unknown"
        down = engine.until(lambda line: line["paths"]["1"]["reachable"] is False)
        assert down["paths"]["1"]["failures"]["congested"] >= 5
        assert down["paths"]["1"]["failures"]["refused"] >= 1  # bursts are not counted
        assert down["paths"]["1"]["failures"].get("lost", 0) <= 2
        assert down["paths"]["2"]["status"] == "up"
        assert down["paths"]["2"]["failures"] == {}
        place.vantage.shell("tc qdisc del dev wan1 root")
        engine.until(lambda line: line["paths"]["1"]["reachable"])


@pytest.mark.parametrize("kind", ["icmp", "stamp"])
def test_one_uplink_alone_with_a_full_queue_is_never_loss(place: Place, kind: str) -> None:
    row = path_over(1, kind=kind, port=862)
    with reflecting(place.far), running(place.vantage, {"paths": [row]}) as engine:
        engine.until_all("up")
        clog(place)
        engine.until(lambda line: line["paths"]["1"]["reason"] == "own_fault")
        engine.run_for(3)
        counted = failures(engine.end())
    assert counted.pop("lost", 0) <= 2  # what was in the queue already
    assert set(counted) == {"congested"}


def test_an_uplink_that_does_not_drain_takes_no_room_from_the_others(place: Place) -> None:
    """All echo requests of a family share one socket, and what is queued counts against it."""
    place.vantage.shell("tc qdisc replace dev wan1 root tbf rate 8bit burst 2000 limit 1000000")
    place.vantage.shell(
        "for n in $(seq 2 101); do ip neigh add 10.1.0.$n lladdr 02:00:00:00:00:01 dev wan1; done"
    )
    stuck = [path_over(1, address=f"10.1.0.{n}") | {"key": 100 + n} for n in range(2, 102)]
    with running(place.vantage, {"paths": [*stuck, path_over(2)]}) as engine:
        engine.until(lambda line: line["sent"] > 3_000)
        last = engine.run_for(1)
        assert last["paths"]["2"]["status"] == "up"
        assert last["paths"]["2"]["failures"] == {}
