"""When the silence of a cluster means that it has died inside, and when it does not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.utils.module_loading import import_string

from sdwan_site import tasks
from sdwan_site.processes import canary
from sdwan_site.processes.canary import Canaries, is_silent_too_long


def silent(now: float, sign: float, trouble: float = 0.0, *, working: bool = False) -> bool:
    return is_silent_too_long(
        now, last_sign_at=sign, last_trouble_at=trouble, task_under_way=working
    )


def test_a_cluster_that_shows_no_sign_of_life_for_ten_seconds_has_died_inside() -> None:
    assert not silent(110.0, sign=100.0)
    assert silent(110.1, sign=100.0)


def test_time_in_which_the_broker_is_away_or_locked_does_not_count() -> None:
    assert not silent(400.0, sign=100.0, trouble=400.0)


def test_after_trouble_of_the_broker_the_pusher_may_take_its_pause() -> None:
    assert not silent(130.0, sign=90.0, trouble=100.0)
    assert silent(130.1, sign=90.0, trouble=100.0)


def test_a_sign_of_life_after_the_trouble_ends_the_longer_patience() -> None:
    assert silent(112.1, sign=102.0, trouble=100.0)


def test_workers_that_all_work_are_not_dead_but_not_for_ever() -> None:
    assert not silent(400.0, sign=100.0, working=True)
    assert silent(400.1, sign=100.0, working=True)


@pytest.fixture
def signs() -> Iterator[None]:
    """The shared values as they are before any worker has told anything."""
    canary._last_sign_at.value, canary._task_under_way.value = 0.0, 0
    yield
    canary._last_sign_at.value, canary._task_under_way.value = 0.0, 0


def test_a_cluster_is_not_judged_before_a_canary_could_be_sent(signs: None) -> None:
    def away() -> None:
        raise ConnectionError("no broker")

    canaries = Canaries(away, every_secs=3)
    canaries._send_one()
    assert not canaries.are_overdue(time.monotonic() + 1_000)


def test_a_canary_that_nobody_works_on_is_overdue(signs: None) -> None:
    canaries = Canaries(lambda: None, every_secs=3)
    canaries._send_one()
    now = time.monotonic()
    assert not canaries.are_overdue(now + 5)
    assert canaries.are_overdue(now + 11)


def test_a_canary_that_hangs_in_a_locked_broker_excuses_the_silence(signs: None) -> None:
    found: list[bool] = []
    canaries = Canaries(lambda: None, every_secs=3)
    canaries._send_one()
    # What the main process sees while the thread hangs for 100 s.
    canaries._send = lambda: found.append(canaries.are_overdue(time.monotonic() + 100))
    canaries._send_one()
    assert found == [False]


@pytest.mark.parametrize("func", [canary.ENDLESS_TASK, canary.CANARY_TASK])
def test_neither_the_monitor_nor_a_canary_counts_as_a_task_under_way(
    signs: None, func: str
) -> None:
    canary._task_begins({"func": func})
    assert not canary._task_under_way.value


def test_a_task_is_under_way_until_it_ends(signs: None) -> None:
    canary._task_begins({"func": "health.tasks.carry_out_probe_order"})
    assert canary._task_under_way.value
    canary._task_ends()
    assert not canary._task_under_way.value


def test_the_names_of_both_tasks_are_those_that_are_enqueued() -> None:
    assert import_string(canary.ENDLESS_TASK) is tasks.ensure_monitor
    assert import_string(canary.CANARY_TASK) is canary.note_canary
