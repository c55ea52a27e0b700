"""The lease of a vantage: one holder, growing epochs, and a fence that closes by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import InterfaceError, OperationalError, connection

from health.engine.clock import FakeClock
from health.models import MonitorLease, Vantage
from health.monitoring import lease as leases
from health.monitoring.lease import Lease, Renewal
from health.monitoring.lease_keeper import LeaseKeeper
from health.monitoring.loop_figures import LoopFigures
from health.monitoring.process_identity import ProcessIdentity, current_process
from tests.factories import VantageFactory

NOW = 1_700_000_000.0
ELSEWHERE = ProcessIdentity("other host", "other boot", 4_711, 100.0)
HERE = current_process()


@pytest.fixture
def vantage(db: None) -> Vantage:
    made: Vantage = VantageFactory()
    return made


def take(vantage: Vantage, *, me: ProcessIdentity = HERE, now: float = NOW) -> Lease:
    lease = leases.acquire(vantage, me=me, now=now)
    assert lease is not None
    return lease


def until(condition: Callable[[], object], patience_secs: float = 30.0) -> None:
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_a_free_lease_is_taken_and_says_who_holds_it(vantage: Vantage) -> None:
    assert leases.describe_holder(vantage) == "nobody"
    lease = take(vantage)
    assert (lease.epoch, lease.predecessor_gone) == (1, True)
    row = MonitorLease.objects.get(vantage=vantage)
    assert (row.holder, row.pid, row.expires_at) == (lease.holder, os.getpid(), NOW + 3)
    assert leases.describe_holder(vantage) == f"process {HERE.pid} on {HERE.host} (epoch 1)"


def test_a_held_lease_is_refused_until_it_has_expired(vantage: Vantage) -> None:
    take(vantage, me=ELSEWHERE)
    assert leases.acquire(vantage, me=HERE, now=NOW + 2.999) is None
    lease = take(vantage, now=NOW + 3)
    assert lease.epoch == 2
    assert not lease.predecessor_gone  # it may only be cut off, not dead


def test_a_living_process_of_this_host_keeps_its_lease(vantage: Vantage) -> None:
    take(vantage)
    assert leases.acquire(vantage, me=replace(HERE, pid=1), now=NOW + 1) is None


def test_the_lease_of_a_process_that_is_gone_is_taken_at_once(vantage: Vantage) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait()
    take(vantage, me=replace(HERE, pid=child.pid, pid_started=HERE.pid_started + 1))
    lease = take(vantage, now=NOW + 0.1)
    assert (lease.epoch, lease.predecessor_gone) == (2, True)


def test_a_zombie_is_gone(vantage: Vantage) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but not collected
        assert replace(HERE, pid=child.pid).is_gone(HERE)


def test_a_reused_pid_is_not_the_process_it_was(vantage: Vantage) -> None:
    assert replace(HERE, pid_started=HERE.pid_started - 50).is_gone(HERE)
    assert not HERE.is_gone(HERE)


def test_a_process_of_another_host_or_boot_is_never_called_gone() -> None:
    assert not ELSEWHERE.is_gone(HERE)
    assert not replace(HERE, pid=2**22 - 3, boot_id="earlier boot").is_gone(HERE)


def test_the_start_of_a_process_does_not_move_with_the_wall_clock() -> None:
    # Seconds since boot; a step of the clock must not make a living holder look gone.
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - current_process().pid_started
    assert 0 <= age < 86_400
    assert current_process() == HERE


def test_a_renewal_keeps_the_lease_and_tells_the_figures(vantage: Vantage) -> None:
    lease = take(vantage)
    figures = LoopFigures(paths=7, probes_per_sec=14.0, lag_secs=0.01, overruns_total=3)
    assert leases.renew(lease, now=NOW + 1, figures=figures) is Renewal.RENEWED
    row = MonitorLease.objects.get(vantage=vantage)
    assert (row.renewed_at, row.expires_at, row.epoch) == (NOW + 1, NOW + 4, 1)
    assert (row.paths, row.probes_per_sec, row.overruns_total) == (7, 14.0, 3)


def test_a_holder_whose_lease_was_taken_can_neither_renew_nor_release_it(vantage: Vantage) -> None:
    first = take(vantage, me=ELSEWHERE)
    second = take(vantage, now=NOW + 5)
    assert leases.renew(first, now=NOW + 5.1, figures=LoopFigures()) is Renewal.LOST
    leases.release(first)
    assert leases.renew(second, now=NOW + 5.2, figures=LoopFigures()) is Renewal.RENEWED
    assert MonitorLease.objects.get(vantage=vantage).holder == second.holder


def test_the_same_holder_resumes_after_its_lease_expired_unclaimed(vantage: Vantage) -> None:
    lease = take(vantage)
    assert leases.renew(lease, now=NOW + 60, figures=LoopFigures()) is Renewal.RENEWED


def test_a_released_lease_is_free_at_once_and_its_epoch_goes_on(vantage: Vantage) -> None:
    leases.release(take(vantage, me=ELSEWHERE))
    lease = take(vantage, now=NOW + 0.1)
    assert (lease.epoch, lease.predecessor_gone) == (2, True)


def test_a_hand_over_is_asked_once_and_heard_by_the_holder(vantage: Vantage) -> None:
    assert not leases.request_handover(vantage, me=HERE)  # nobody to ask
    lease = take(vantage)
    assert leases.request_handover(vantage, me=HERE)
    assert not leases.request_handover(vantage, me=ELSEWHERE)
    assert leases.renew(lease, now=NOW + 1, figures=LoopFigures()) is Renewal.HANDOVER
    leases.release(lease)
    successor = take(vantage, now=NOW + 1.1)
    assert leases.renew(successor, now=NOW + 2, figures=LoopFigures()) is Renewal.RENEWED


def test_each_vantage_has_a_lease_of_its_own(vantage: Vantage) -> None:
    other: Vantage = VantageFactory()
    take(vantage)
    assert take(other).epoch == 1


@pytest.mark.django_db(transaction=True)
def test_of_racing_processes_exactly_one_wins_each_round() -> None:
    vantage: Vantage = VantageFactory()
    racers, rounds = 4, 200
    line = threading.Barrier(racers)
    won: list[list[Lease]] = [[] for _ in range(rounds)]

    def race() -> None:
        try:
            for number in range(rounds):
                line.wait(30)
                lease = leases.acquire(vantage, me=HERE, now=NOW + 10 * number)
                if lease is not None:
                    won[number].append(lease)
        finally:
            connection.close()

    with ThreadPoolExecutor(racers) as pool:
        for done in [pool.submit(race) for _ in range(racers)]:
            done.result(60)
    assert [len(winners) for winners in won] == [1] * rounds
    assert [winners[0].epoch for winners in won] == list(range(1, rounds + 1))


# --- the keeper ---------------------------------------------------------------------


def test_the_keeper_fences_itself_after_two_and_a_half_seconds(vantage: Vantage) -> None:
    clock = FakeClock(wall=NOW)
    keeper = LeaseKeeper(take(vantage), clock, LoopFigures)
    assert keeper.may_act()
    clock.advance(2.499)
    assert keeper.may_act()
    clock.advance(0.002)
    assert not keeper.may_act()


def test_a_step_of_the_wall_clock_neither_opens_nor_closes_the_fence(vantage: Vantage) -> None:
    clock = FakeClock(wall=NOW)
    keeper = LeaseKeeper(take(vantage), clock, LoopFigures)
    clock.step_wall(3_600)
    assert keeper.may_act()
    clock.advance(3)
    clock.step_wall(-7_200)
    assert not keeper.may_act()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY_SECS", 0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quick")
def test_the_keeper_renews_and_gives_the_lease_back_when_it_is_stopped() -> None:
    vantage: Vantage = VantageFactory()
    clock = FakeClock(wall=NOW)
    keeper = LeaseKeeper(take(vantage), clock, lambda: LoopFigures(paths=3))
    keeper.start()
    clock.advance(2.0)
    until(lambda: MonitorLease.objects.get().renewed_at == NOW + 2)
    clock.advance(2.0)
    until(lambda: MonitorLease.objects.get().renewed_at == NOW + 4)
    until(keeper.may_act)
    assert MonitorLease.objects.get().paths == 3
    keeper.stop()
    assert MonitorLease.objects.get().holder == ""
    assert not keeper.lost.is_set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quick")
def test_the_keeper_notices_that_the_lease_is_lost_and_that_it_is_wanted() -> None:
    vantage: Vantage = VantageFactory()
    clock = FakeClock(wall=NOW)
    keeper = LeaseKeeper(take(vantage, me=ELSEWHERE), clock, LoopFigures)
    keeper.start()
    leases.request_handover(vantage, me=HERE)
    until(keeper.handover_asked.is_set)
    MonitorLease.objects.update(holder="somebody else", epoch=2)
    until(keeper.lost.is_set)
    assert not keeper.may_act()
    keeper.stop()
    assert MonitorLease.objects.get().holder == "somebody else"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [OperationalError, InterfaceError, RuntimeError])
def test_the_keeper_outlives_a_database_that_is_away(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    vantage: Vantage = VantageFactory()
    clock = FakeClock(wall=NOW)
    renew, failed = leases.renew, threading.Event()

    def away(*args: object, **options: object) -> Renewal:
        failed.set()
        raise error("the database is away")

    monkeypatch.setattr(leases, "renew", away)
    keeper = LeaseKeeper(take(vantage), clock, LoopFigures)
    keeper.start()
    assert failed.wait(5)
    clock.advance(3)
    assert not keeper.may_act()
    assert not keeper.lost.is_set()  # probing goes on
    monkeypatch.setattr(leases, "renew", renew)
    until(keeper.may_act)
    keeper.stop()
    assert MonitorLease.objects.get().holder == ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("quick")
def test_a_lease_that_can_not_be_given_back_is_left_to_expire(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(lease: Lease) -> None:
        raise OperationalError("the database is away")

    vantage: Vantage = VantageFactory()
    keeper = LeaseKeeper(take(vantage), FakeClock(wall=NOW), LoopFigures)
    monkeypatch.setattr(leases, "release", away)
    keeper.start()
    keeper.stop()
    assert "could not be released and will expire" in caplog.text
    assert MonitorLease.objects.get().holder == keeper.lease.holder
