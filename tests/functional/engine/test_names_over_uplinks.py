"""Each uplink resolves names for itself; a name server that dies takes no path with it.

One name server at the far end, reachable over both uplinks. What it answers depends
on the address it is asked from, as with providers and content networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import dns.message
import pytest

from health.domain.uplink_state import UplinkState
from health.engine import resolver as resolver_module
from health.engine import uplink_lookup
from health.engine.resolver import NameResolver
from health.engine.resolver_files import NameServer, ResolverFiles
from tests.functional.engine.name_servers import Packets, ScriptedNameServer, has, response
from tests.functional.engine.running import Place, failures, path_over, running

pytestmark = pytest.mark.root

SERVER = "10.53.0.1"
NAME = "a.example"
STATES = {
    1: UplinkState(1, interface="wan1", source="10.1.0.1"),
    2: UplinkState(2, interface="wan2", source="10.2.0.1"),
}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def open_server(place: Place) -> ScriptedNameServer:
    with place.far.inside():
        return ScriptedNameServer(SERVER, 53)


@pytest.fixture
def server(place: Place) -> Iterator[ScriptedNameServer]:
    place.far.ip(f"addr add {SERVER}/32 dev lo")
    made = open_server(place)
    yield made
    made.close()


@pytest.fixture
def names(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[NameResolver]:
    monkeypatch.setattr(resolver_module, "SHORTEST_TTL_SECS", 0.2)
    monkeypatch.setattr(uplink_lookup, "ANSWER_SECS", 0.2)
    resolver = NameResolver(read_files=lambda: ResolverFiles((NameServer(SERVER),)))
    resolver.via(STATES)
    with place.vantage.inside():  # the resolver's thread is born in it
        resolver.want([(NAME, 1), (NAME, 2)])
    yield resolver
    resolver.close()


def test_the_same_name_may_lead_elsewhere_over_another_uplink(
    server: ScriptedNameServer, names: NameResolver
) -> None:
    def nearest(query: dns.message.QueryMessage) -> Packets:
        network = server.askers[-1].rpartition(".")[0]
        return [response(query, f"{network}.2", ttl=0).to_wire()]

    server.zone[NAME] = nearest
    until(lambda: len(names.known()) == 2)
    assert names.address_of(NAME, 1) == "10.1.0.2"
    assert names.address_of(NAME, 2) == "10.2.0.2"
    assert set(server.askers) == {"10.1.0.1", "10.2.0.1"}


def test_an_uplink_that_fails_keeps_its_address_and_the_other_goes_on(
    place: Place, server: ScriptedNameServer, names: NameResolver
) -> None:
    server.zone[NAME] = has("10.9.0.1", ttl=0)
    until(lambda: len(names.known()) == 2)
    place.far.ip("link set pwan1 down")
    until(lambda: names.error_of(NAME, 1))
    server.zone[NAME] = has("10.9.0.2", ttl=0)
    until(lambda: names.address_of(NAME, 2) == "10.9.0.2")
    assert "over wan1" in names.error_of(NAME, 1)
    assert names.address_of(NAME, 1) == "10.9.0.1"
    assert names.error_of(NAME, 2) == ""


def test_a_path_outlives_its_name_server_and_follows_its_name(
    place: Place, server: ScriptedNameServer
) -> None:
    server.zone[NAME] = has("10.1.0.2", ttl=0)
    config = {
        "paths": [path_over(1, address=NAME)],
        "states": [{"key": 1, "interface": "wan1", "source": "10.1.0.1"}],
        "name_servers": [[SERVER, 53]],
    }
    with running(place.vantage, config) as engine:
        engine.until_all("up")
        server.close()
        after = engine.run_for(4)
        assert after["paths"]["1"]["status"] == "up"
        # The last address goes away and the name with it to another: only who asks finds it.
        place.far.ip("addr del 10.1.0.2/24 dev pwan1")
        place.vantage.ip("neigh flush dev wan1")
        place.far.ip("addr add 10.1.0.3/24 dev pwan1")
        engine.until(lambda line: line["paths"]["1"]["status"] == "down")
        successor = open_server(place)
        successor.zone[NAME] = has("10.1.0.3", ttl=0)
        try:
            engine.until(lambda line: line["paths"]["1"]["reachable"])
        finally:
            successor.close()
        assert set(failures(engine.end())) <= {"lost", "refused", "misconfigured"}
