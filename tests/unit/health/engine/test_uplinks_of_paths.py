"""What an uplink is and can do reaches every probe over it, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from health.domain.status import PathStatus, Reason
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.probers.base import WireTarget
from tests.unit.health.engine.worlds import ANSWERS, Behaviour, Outcome, RiggedWorld, path_spec

FIBRE = UplinkState(
    1, LinkState.UP, RouteState.VERIFIED, RouteState.VERIFIED, "wan1", 7,
    source="198.51.100.2", source6="2001:db8:1::2", fwmark=11,
)  # fmt: skip
CABLE = UplinkState(2, LinkState.UP, RouteState.VERIFIED, interface="wan2", index=8, fwmark=12)
FIBRE_DOWN = replace(FIBRE, link=LinkState.DOWN, detail="wan1 has no carrier: check the cable")


def world_of_two() -> RiggedWorld:
    """Paths 1 and 2 over the fibre, path 3 over the cable."""
    specs = [path_spec(key, uplink=uplink) for key, uplink in ((1, 1), (2, 1), (3, 2))]
    return RiggedWorld(*specs).uplinks(FIBRE, CABLE)


def test_a_link_that_goes_down_kills_every_target_over_it_in_the_same_turn() -> None:
    with world_of_two() as world:
        world.live(10)
        rounds = len(world.rounds.rounds)
        world.uplinks(FIBRE_DOWN, CABLE).live(0.01)
        told = world.rounds.rounds[rounds]
        assert told.changed == {1, 2}
        for key in (1, 2):
            reading = told.readings[key]
            assert (reading.status, reading.reachable) == (PathStatus.DOWN, False)
            assert (reading.reason, reading.detail) == (Reason.LINK_DOWN, FIBRE_DOWN.detail)
            assert reading.score == 0
        assert told.readings[3].status is PathStatus.UP


def test_over_a_link_that_is_down_nothing_is_sent_and_its_lanes_are_released() -> None:
    with world_of_two() as world:
        world.live(10).uplinks(FIBRE_DOWN, CABLE).live(0.01)
        sent = len(world.prober.sent)
        world.live(10)
        assert {probe.target.address for probe in world.prober.sent[sent:]} == {"192.0.2.3"}
        assert [lane.target.address for lane in world.prober.live_lanes()] == ["192.0.2.3"]
        assert world.reading(1).packet_loss_pct == 100
        assert world.reading(3).packet_loss_pct == 0


def test_a_link_that_comes_back_is_probed_with_its_new_index_and_recovers() -> None:
    with world_of_two() as world:
        world.live(20).uplinks(FIBRE_DOWN, CABLE).live(5)
        world.uplinks(replace(FIBRE, index=21), CABLE).live(2)
        assert world.reading().reachable is True
        assert world.reading().reason is Reason.RECOVERING
        assert world.prober.sent_to("192.0.2.1")[-1].target.interface_index == 21
        world.live(15)
        assert world.reading().status is PathStatus.UP


def test_a_link_that_is_down_from_the_start_is_dead_and_not_unknown() -> None:
    with RiggedWorld(path_spec(uplink=1)).uplinks(FIBRE_DOWN) as world:
        reading = world.live(2).reading()
        assert (reading.status, reading.reason) == (PathStatus.DOWN, Reason.LINK_DOWN)
        assert world.prober.sent == []


@pytest.mark.parametrize("route", [RouteState.UNUSABLE, RouteState.PENDING])
def test_without_a_usable_probe_route_a_path_is_misconfigured_and_never_lossy(
    route: RouteState,
) -> None:
    sentence = "table 201 has another default route: delete it"
    with world_of_two() as world:
        world.live(30).uplinks(replace(FIBRE, route=route, detail=sentence), CABLE)
        reading = world.live(5).reading()
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.MISCONFIGURED)
        assert reading.detail == sentence
        assert (reading.packet_loss_pct, reading.loss_run) == (0, 0)
        assert reading.reachable is None
        assert world.reading(3).status is PathStatus.UP
        world.uplinks(FIBRE, CABLE).live(2)
        assert world.reading().status is PathStatus.UP


def test_a_family_that_the_uplink_lacks_leaves_the_other_alone() -> None:
    four, six = path_spec(1, uplink=1), path_spec(2, uplink=1, addresses=("2001:db8::53",))
    lacking = replace(FIBRE, route6=RouteState.UNUSABLE)
    with RiggedWorld(four, six).uplinks(lacking) as world:
        world.live(10)
        assert world.reading(1).status is PathStatus.UP
        assert world.reading(2).reason is Reason.MISCONFIGURED
        assert "IPv6" in world.reading(2).detail


def test_without_a_route_a_verified_uplink_loses_and_says_why() -> None:
    with world_of_two() as world:
        world.live(30)
        world.prober.no_route.add("192.0.2.1")
        reading = world.live(5).reading()
        assert (reading.status, reading.reachable) == (PathStatus.DOWN, False)
        assert reading.detail == "no route to host"
        assert world.engine.paths[1].failures[Outcome.REFUSED.value] >= 9


@pytest.mark.parametrize("route", [RouteState.NOT_NEEDED])
def test_without_a_route_an_uplink_that_nobody_verified_is_misconfigured(route: RouteState) -> None:
    with world_of_two() as world:
        world.uplinks(replace(FIBRE, route=route), CABLE).live(30)
        world.prober.no_route.add("192.0.2.1")
        reading = world.live(5).reading()
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.MISCONFIGURED)
        assert (reading.packet_loss_pct, reading.detail) == (0, "no route to host")


def test_source_mark_and_index_of_the_uplink_reach_the_wire_by_family() -> None:
    four, six = path_spec(1, uplink=1), path_spec(2, uplink=1, addresses=("2001:db8::53",))
    with RiggedWorld(four, six).uplinks(FIBRE) as world:
        world.live(1)
        targets = {probe.target.address: probe.target for probe in world.prober.sent}
        assert targets["192.0.2.1"] == WireTarget(
            "192.0.2.1", 0, "198.51.100.2", "wan1", 7, fwmark=11
        )
        assert targets["2001:db8::53"].source == "2001:db8:1::2"


def test_the_configured_source_of_a_path_stands_against_that_of_its_uplink() -> None:
    spec = path_spec(uplink=1, source="198.51.100.9")
    with RiggedWorld(spec).uplinks(FIBRE) as world:
        assert world.live(1).prober.sent[0].target.source == "198.51.100.9"


def test_a_new_index_makes_the_lane_anew_and_releases_the_old_one() -> None:
    with world_of_two() as world:
        before, other = world.live(2).lane(1), world.lane(3)
        world.uplinks(replace(FIBRE, index=9), CABLE).live(0.01)
        assert world.lane(1).target.interface_index == 9
        assert before in world.prober.released
        assert world.lane(3) is other
        assert len(world.prober.live_lanes()) == 3


def test_what_changes_no_packet_keeps_the_lane() -> None:
    with world_of_two() as world:
        before = world.live(2).lane()
        world.uplinks(replace(FIBRE), replace(CABLE)).live(1)
        world.uplinks(replace(FIBRE, gateway="198.51.100.1"), CABLE).live(1)
        assert world.lane() is before
        assert world.prober.released == []


def test_an_uplink_that_nobody_knows_any_more_gives_back_what_was_made_of_its_state() -> None:
    with world_of_two() as world:
        world.live(2).uplinks(CABLE).live(0.6)
        assert world.lane(1).target == WireTarget("192.0.2.1")
        assert len(world.prober.live_lanes()) == 3


def test_paths_that_go_or_are_edited_leave_no_lane_behind() -> None:
    with world_of_two() as world:
        world.live(2)
        edited = replace(world.engine.paths[2].spec, dscp=46)
        world.engine.submit([edited, world.engine.paths[3].spec])
        world.live(1)
        assert sorted(lane.target.address for lane in world.prober.live_lanes()) == [
            "192.0.2.2",
            "192.0.2.3",
        ]


CONGESTED = Behaviour(Outcome.CONGESTED, detail="the send queue of wan1 is full", queue_full=True)
NO_SOCKETS_LEFT = Behaviour(Outcome.CONGESTED, detail="256 connections are under way")


def test_a_full_send_queue_is_no_loss_while_it_lasts_less_than_hold() -> None:
    with world_of_two() as world:
        world.live(30).script(CONGESTED, "192.0.2.1").live(0.51)
        reading = world.live(0.49).reading()
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.OWN_FAULT)
        assert (reading.packet_loss_pct, reading.loss_run) == (0, 0)


def test_a_send_queue_that_stays_full_while_another_uplink_sends_is_loss() -> None:
    with world_of_two() as world:
        world.live(30).script(CONGESTED, "192.0.2.1").script(CONGESTED, "192.0.2.2")
        reading = world.live(6).reading()
        assert (reading.status, reading.reachable) == (PathStatus.DOWN, False)
        assert reading.detail == CONGESTED.detail
        world.script(ANSWERS, "192.0.2.1").live(3)
        assert world.reading().reachable is True


def test_a_send_queue_that_is_full_on_every_uplink_is_this_host_and_no_loss() -> None:
    with world_of_two() as world:
        world.live(30)
        for key in (1, 2, 3):
            world.script(CONGESTED, f"192.0.2.{key}")
        world.live(20)
        for key in (1, 2, 3):
            assert world.reading(key).reason is Reason.OWN_FAULT
            assert world.reading(key).loss_run == 0


def test_a_process_that_has_no_sockets_left_is_no_loss_however_long_others_send() -> None:
    with world_of_two() as world:
        world.live(30).script(NO_SOCKETS_LEFT, "192.0.2.1").script(NO_SOCKETS_LEFT, "192.0.2.2")
        reading = world.live(20).reading()
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.OWN_FAULT)
        assert (reading.reachable, reading.loss_run) == (None, 0)
        assert world.reading(3).status is PathStatus.UP


def test_one_probe_that_leaves_proves_that_the_queue_is_not_full() -> None:
    with world_of_two() as world:
        world.live(30).script(CONGESTED, "192.0.2.1")  # path 2 still sends over the same uplink
        reading = world.live(20).reading()
        assert reading.reason is Reason.OWN_FAULT
        assert reading.packet_loss_pct in {0, None}
