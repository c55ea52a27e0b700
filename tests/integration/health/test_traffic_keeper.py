"""The counting thread: one row a slot, nothing lost while the database is away, totals run on."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest
from django.db import DatabaseError

from health.domain.traffic import CounterReading, Counts
from health.domain.uplink_spec import UplinkSpec
from health.domain.uplink_state import LinkState, UplinkState
from health.engine.clock import FakeClock, SystemClock
from health.models import CurrentUplink, UplinkTraffic
from health.monitoring import traffic
from health.monitoring.traffic import TrafficKeeper
from health.monitoring.uplink_writer import UplinkBatch, write_uplinks
from tests.factories import UplinkFactory

pytestmark = pytest.mark.django_db
SLOT = 1_700_000_000


class Interfaces:
    """Interfaces whose counters are set by hand, as a kernel would show them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.present: dict[str, tuple[int, Counts]] = {}
        self.fails = False
        self.closed = False

    def show(self, name: str, received: int, *, index: int = 2) -> None:
        self.present[name] = (index, Counts(received, 0, received // 100))

    def read(self, interfaces: Iterable[str]) -> dict[str, CounterReading]:
        if self.fails:
            raise OSError("netlink is away")
        now_ns = self.clock.monotonic_ns()
        return {
            name: CounterReading(now_ns, *self.present[name])
            for name in interfaces
            if name in self.present
        }

    def close(self) -> None:
        self.closed = True


class World:
    """One uplink on wan0, a clock that is moved by hand, and a keeper that is turned by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock(wall=float(SLOT))
        self.kernel = Interfaces(self.clock)
        self.uplink = UplinkFactory(interface="wan0")
        self.spec = UplinkSpec(self.uplink.pk, str(self.uplink.uid), "wan0", "wan0")
        self.states: dict[int, UplinkState] = {}
        self.away = False
        self.writes = 0
        self.keeper = self.successor()

    def successor(self) -> TrafficKeeper:
        keeper = TrafficKeeper(
            1,
            states=lambda: self.states,
            clock=self.clock,
            identity="this boot",
            counters=self.kernel,
            sink=self.sink,
        )
        keeper.configure([self.spec])
        return keeper

    def sink(self, batch: UplinkBatch) -> None:
        if self.away:
            raise DatabaseError("connection refused")
        self.writes += 1
        write_uplinks(batch, epoch=1)

    def turn_after(self, secs: float, received: int | None = None) -> None:
        self.clock.advance(secs)
        if received is not None:
            self.kernel.show("wan0", received)
        self.keeper.turn()

    @property
    def now(self) -> CurrentUplink:
        return CurrentUplink.objects.get(uplink=self.uplink)

    @property
    def slots(self) -> dict[int, int]:
        return dict(UplinkTraffic.objects.values_list("timestamp", "receive_bytes"))


@pytest.fixture
def world() -> World:
    made = World()
    made.kernel.show("wan0", 10**9)
    made.keeper.turn()
    return made


def test_each_slot_becomes_one_row_with_what_it_carried(world: World) -> None:
    world.turn_after(10.01, 10**9 + 5_000)
    world.turn_after(10.0, 10**9 + 6_000)
    assert world.slots == {SLOT: 5_000, SLOT + 10: 1_000}
    assert world.now.receive_bytes == 6_000
    assert world.now.receive_bps == pytest.approx(800.0)


def test_within_a_slot_nothing_is_written_while_nothing_changes(world: World) -> None:
    for _ in range(5):
        world.turn_after(1.0, 10**9 + 77)
    assert world.writes == 1
    assert world.slots == {}


def test_a_change_of_state_is_written_at_once(world: World) -> None:
    world.states[world.uplink.pk] = UplinkState(
        world.uplink.pk, LinkState.DOWN, detail="no carrier"
    )
    world.turn_after(1.0)
    assert (world.now.link, world.now.detail) == ("down", "no carrier")


def test_a_missing_interface_makes_no_row_and_no_rate(world: World) -> None:
    del world.kernel.present["wan0"]
    world.turn_after(10.0)
    assert world.slots == {}
    assert world.now.receive_bps is None
    assert world.now.updated_at == SLOT + 10
    assert world.now.counted_at == SLOT


def test_an_uplink_without_an_interface_is_never_counted(world: World) -> None:
    other = UplinkFactory(interface="")
    world.keeper.configure([world.spec, UplinkSpec(other.pk, "", "any")])
    world.turn_after(10.0, 10**9)
    stored = CurrentUplink.objects.get(uplink=other)
    assert stored.counted_at is None
    assert stored.link == "unknown"


@pytest.mark.django_db(transaction=True)
def test_slots_wait_while_the_database_is_away_and_are_written_once(world: World) -> None:
    world.away = True
    world.turn_after(10.0, 10**9 + 100)
    world.turn_after(10.0, 10**9 + 300)
    assert world.slots == {}
    world.away = False
    world.turn_after(1.0)
    assert world.slots == {SLOT: 100, SLOT + 10: 200}
    world.turn_after(1.0)
    assert world.slots == {SLOT: 100, SLOT + 10: 200}


@pytest.mark.django_db(transaction=True)
def test_the_oldest_slots_are_dropped_and_counted_when_too_many_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "MAX_WAITING_SLOTS", 2)
    world.away = True
    for _ in range(4):
        world.turn_after(10.0, 10**9 + 100)
    world.away = False
    world.turn_after(1.0)
    assert set(world.slots) == {SLOT + 20, SLOT + 30}
    assert world.keeper.dropped_slots == 2


def test_totals_run_on_over_a_restart_with_what_was_carried_meanwhile(world: World) -> None:
    world.turn_after(10.0, 10**9 + 100)
    world.clock.advance(4.0)
    world.kernel.show("wan0", 10**9 + 150)
    world.keeper.turn(is_last=True)
    world.keeper = world.successor()
    world.turn_after(1.5, 10**9 + 170)
    world.turn_after(4.5, 10**9 + 400)
    assert world.now.receive_bytes == 400
    assert world.slots == {SLOT: 100, SLOT + 10: 300}
    assert UplinkTraffic.objects.get(timestamp=SLOT + 10).secs == pytest.approx(10.0)


def test_a_driver_that_was_loaded_anew_is_not_a_flood(world: World) -> None:
    world.turn_after(10.0, 300)
    world.turn_after(10.0, 500)
    assert world.now.receive_bytes == 500


def test_netlink_that_fails_leaves_the_state_and_no_rate(world: World) -> None:
    world.turn_after(10.0, 10**9 + 100)
    world.kernel.fails = True
    world.turn_after(10.0)
    assert world.now.receive_bps is None
    assert world.now.updated_at == SLOT + 20
    assert world.now.receive_bytes == 100


def test_a_clock_that_is_set_back_adds_to_the_slot_it_repeats(world: World) -> None:
    world.turn_after(10.0, 10**9 + 100)
    world.clock.step_wall(-10.0)
    world.turn_after(10.0, 10**9 + 200)
    world.turn_after(10.0, 10**9 + 300)
    assert world.slots == {SLOT: 200, SLOT + 10: 100}
    assert UplinkTraffic.objects.get(timestamp=SLOT).secs == pytest.approx(20.0)


@pytest.mark.django_db(transaction=True)
def test_the_thread_counts_a_real_interface_and_ends_when_told() -> None:
    uplink = UplinkFactory(interface="lo")
    keeper = TrafficKeeper(1, states=dict, clock=SystemClock(), identity="test")
    keeper.configure([UplinkSpec(uplink.pk, str(uplink.uid), "lo", "lo")])
    keeper.start()
    ends_at = time.monotonic() + 10
    while time.monotonic() < ends_at and not CurrentUplink.objects.exists():
        time.sleep(0.05)
    keeper.close()
    stored = CurrentUplink.objects.get()
    assert stored.counted_at is not None
    assert stored.baseline["index"] == 1
