"""The timer wheel: never early, at most a tick late, in order, and nothing is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.engine.timer_wheel import TICK_NS, TimerWheel


def test_an_empty_wheel_has_nothing_to_do() -> None:
    wheel = TimerWheel[str]()
    assert wheel.next_ns() is None
    assert wheel.due(1 << 60) == []


@pytest.mark.parametrize("offset_ns", [1, TICK_NS // 2, TICK_NS - 1, TICK_NS])
def test_an_item_is_never_early_and_at_most_a_tick_late(offset_ns: int) -> None:
    wheel = TimerWheel[str]()
    at_ns = 1_000 * TICK_NS + offset_ns
    wheel.add(at_ns, "item")
    assert wheel.due(at_ns - 1) == []
    due_ns = wheel.next_ns()
    assert due_ns is not None
    assert at_ns <= due_ns < at_ns + TICK_NS
    assert wheel.due(due_ns) == ["item"]
    assert wheel.next_ns() is None


def test_items_of_one_tick_come_out_in_the_order_in_which_they_were_added() -> None:
    wheel = TimerWheel[int]()
    for number in range(5):
        wheel.add(7 * TICK_NS - number, number)
    assert wheel.due(7 * TICK_NS) == [0, 1, 2, 3, 4]


def test_what_falls_due_in_the_past_comes_out_at_the_next_look_and_first() -> None:
    wheel = TimerWheel[str]()
    wheel.add(9 * TICK_NS, "now")
    assert wheel.due(8 * TICK_NS) == []
    wheel.add(3 * TICK_NS, "long ago")
    assert wheel.next_ns() == 3 * TICK_NS
    assert wheel.due(9 * TICK_NS) == ["long ago", "now"]


def test_at_least_ends_after_a_whole_tick_and_leaves_the_rest_for_the_next_look() -> None:
    wheel = TimerWheel[int]()
    for number in range(9):
        wheel.add((1 + number // 3) * TICK_NS, number)
    assert wheel.due(99 * TICK_NS, at_least=4) == [0, 1, 2, 3, 4, 5]
    assert wheel.next_ns() == 3 * TICK_NS
    assert wheel.due(99 * TICK_NS, at_least=1) == [6, 7, 8]


@given(
    st.lists(st.integers(0, 400 * TICK_NS), max_size=60),
    st.lists(st.integers(1, 50 * TICK_NS), min_size=1, max_size=40),
    st.integers(1, 8),
)
def test_whatever_the_looks_every_item_comes_out_once_and_in_the_order_of_its_tick(
    times: list[int], steps: list[int], at_least: int
) -> None:
    wheel = TimerWheel[int]()
    for at_ns in times:
        wheel.add(at_ns, at_ns)
    seen, now_ns = [], 0
    for step in steps:
        now_ns += step
        out = wheel.due(now_ns, at_least)
        assert all(at_ns <= now_ns for at_ns in out)
        seen += out
    while rest := wheel.due(1 << 60, at_least):
        seen += rest
    assert sorted(seen) == sorted(times)
    ticks = [-(-at_ns // TICK_NS) for at_ns in seen]
    assert ticks == sorted(ticks)
