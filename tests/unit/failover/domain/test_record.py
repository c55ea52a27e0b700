"""A state survives a restart as JSON: every hold is kept, none is shortened."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from failover.domain.record import differs_on_disk, from_record, to_record
from failover.domain.state import (
    Cause,
    MemberClock,
    NoticeKind,
    Pause,
    Pin,
    PolicyState,
    initial_state,
)
from health.domain.status import Reason
from tests.unit.failover.domain.worlds import (
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    START,
    TWO_LOST,
    UNKNOWN,
    World,
    on_backup,
)

OFFSET = 1_700_000_000.0
WARMING = UNKNOWN._replace(reason=Reason.WARMING_UP, settled=0)

FULL = PolicyState(
    active=CABLE,
    generation=7,
    active_since=START - 100.0,
    last_switch_at=START - 100.0,
    last_cause=Cause.DEAD,
    last_reason="Left fibre for cable: it does not answer.",
    dwell_waived=True,
    raised=frozenset({NoticeKind.NO_VIABLE_PATH, NoticeKind.PIN_EXPIRING}),
    clocks={
        FIBRE: MemberClock(
            left_at=START - 100.0, left_because=Cause.DEAD, penalty=2.5, penalty_at=START - 100.0
        ),
        CABLE: MemberClock(carried_secs=12.0),
    },
    pause=Pause("ada", "works", START + 60.0),
    pin=Pin(CABLE, "ada", "tonight", START - 10.0, START + 3_590.0, unless_dead=False),
)


def reborn(state: PolicyState, *, now: float = START, later: float = 0.0) -> PolicyState:
    """Through JSON text into a process that starts ``later`` with another monotonic clock."""
    record = json.loads(json.dumps(to_record(state, now=now, wall_offset=OFFSET)))
    return from_record(record, now=50.0, wall_offset=OFFSET + now + later - 50.0)


def test_everything_lasting_survives_the_way_through_json() -> None:
    record = json.loads(json.dumps(to_record(FULL, now=START, wall_offset=OFFSET)))
    assert from_record(record, now=START, wall_offset=OFFSET) == FULL


def test_an_empty_state_survives_too() -> None:
    record = to_record(PolicyState(), now=START, wall_offset=OFFSET)
    assert from_record(record, now=START, wall_offset=OFFSET) == PolicyState()


def test_times_are_translated_to_the_new_monotonic_clock() -> None:
    state = reborn(FULL, later=30.0)
    assert state.last_switch_at == pytest.approx(50.0 - 130.0)
    assert state.pin is not None
    assert state.pin.expires_at == pytest.approx(50.0 + 3_560.0)
    assert state.clock(FIBRE).penalty_at == pytest.approx(50.0 - 130.0)


def test_health_is_restored_as_what_was_proven_not_as_what_passed_unseen() -> None:
    state = replace(initial_state(CABLE, START), clocks={FIBRE: MemberClock(START - 40.0)})
    clock = reborn(state, later=5_000.0).clock(FIBRE)
    assert clock.healthy_since is None
    assert clock.carried_secs == pytest.approx(40.0)


def test_a_wall_clock_that_was_set_back_shortens_no_hold() -> None:
    state = reborn(FULL, later=-9_000.0)
    assert state.last_switch_at == 50.0
    assert state.clock(FIBRE).penalty_at == 50.0
    assert state.clock(FIBRE).left_at == 50.0


def test_a_wall_clock_that_was_set_forward_proves_no_health() -> None:
    state = replace(initial_state(CABLE, START), clocks={FIBRE: MemberClock(START - 40.0)})
    assert reborn(state, later=1e9).clock(FIBRE).carried_secs == pytest.approx(40.0)


def test_a_restart_neither_shortens_nor_restarts_the_wait_for_a_return() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD).run(40.0)
    world.state = reborn(world.state, now=world.now, later=30.0)
    world.now = 50.0
    world.see(FIBRE, CABLE, LTE, view=WARMING).run(10.0)
    world.see(FIBRE, CABLE, LTE, view=GOOD)
    began = world.now
    while world.active != FIBRE:
        world.run(0.5)
    assert world.now - began == pytest.approx(20.0, abs=1.0)


def test_a_restart_does_not_repeat_what_was_announced() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=DEAD).run(10.0)
    world.see(FIBRE, view=DEAD).run(10.0)
    assert world.said == ["no_viable_path"]
    world.state = reborn(world.state, now=world.now)
    world.now = 50.0
    world.run(30.0)
    assert world.said == ["no_viable_path"]
    assert world.active == FIBRE


def test_a_restart_keeps_traffic_on_the_backup() -> None:
    world = on_backup()
    world.state = reborn(world.state, now=world.now)
    world.now = 50.0
    world.run(30.0)
    assert (world.active, world.state.generation, world.switches) == (CABLE, 1, [])


def test_a_record_of_another_version_is_refused() -> None:
    record = to_record(PolicyState(), now=START, wall_offset=OFFSET) | {"version": 9}
    with pytest.raises(ValueError, match="version 9 of a policy state is not 1"):
        from_record(record, now=START, wall_offset=OFFSET)


def test_only_lasting_differences_are_worth_saving() -> None:
    world = World()
    world.run(5.0)
    before = world.state
    assert not differs_on_disk(before, before)
    world.see(FIBRE, view=TWO_LOST).decide()
    assert world.state is not before
    assert not differs_on_disk(before, world.state)
    world.see(FIBRE, view=DEAD).decide()
    assert differs_on_disk(before, world.state)
