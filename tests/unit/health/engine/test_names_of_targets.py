"""A name with a new address moves the probes of its targets, and of no other."""

from __future__ import annotations

from collections.abc import Mapping

from health.domain.status import Reason
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.engine.resolver import NameResolver
from tests.unit.health.engine.worlds import RiggedWorld, path_spec

NAME = "probe.example"


class Names(NameResolver):
    """A resolver whose answers the test gives; it starts no thread."""

    def __init__(self) -> None:
        super().__init__(lambda name: name)
        self.table = {NAME: "192.0.2.77"}

    def want(self, addresses: object) -> None:
        """Nothing to do."""

    def via(self, uplinks: Mapping[int, UplinkState]) -> None:
        """Nothing to do."""

    def address_of(self, address: str, uplink_key: int = 0) -> str | None:
        return self.table.get(address, None if address == NAME else address)

    def becomes(self, address: str) -> None:
        self.table[NAME] = address
        self.changes += 1


def test_a_new_address_moves_the_targets_of_that_name_and_keeps_the_others_lanes() -> None:
    names = Names()
    named, literal = path_spec(1, addresses=(NAME,)), path_spec(2)
    with RiggedWorld(named, literal, resolver=names) as world:
        before, other = world.live(2).lane(1), world.lane(2)
        assert before.target.address == "192.0.2.77"
        names.becomes("192.0.2.78")
        world.live(0.01)
        assert world.lane(1).target.address == "192.0.2.78"
        assert before in world.prober.released
        assert world.lane(2) is other
        assert world.prober.released == [before]


def test_an_address_that_stays_keeps_the_lane() -> None:
    names = Names()
    with RiggedWorld(path_spec(addresses=(NAME,)), resolver=names) as world:
        before = world.live(2).lane()
        names.becomes("192.0.2.77")
        world.live(1)
        assert world.lane() is before


def test_a_name_of_the_other_family_is_judged_by_the_route_of_that_family() -> None:
    """By the address that is probed, not by the look of the name."""
    names = Names()
    names.becomes("2001:db8::77")
    state = UplinkState(1, LinkState.UP, RouteState.NOT_NEEDED, RouteState.VERIFIED, "wan1", 7)
    spec = path_spec(addresses=(NAME,), uplink=1)
    with RiggedWorld(spec, resolver=names).uplinks(state) as world:
        world.live(30)
        world.prober.no_route.add("2001:db8::77")
        reading = world.live(5).reading()
        assert (reading.reachable, reading.detail) == (False, "no route to host")
        assert reading.reason is not Reason.MISCONFIGURED
