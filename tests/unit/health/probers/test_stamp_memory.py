"""What a prober still knows of probes that have ended."""

from __future__ import annotations

import pytest

from health.domain.measurement import Rejection
from health.probers import stamp_memory
from health.probers.stamp_memory import REMEMBER_NS, SettledProbes


def test_an_answered_probe_s_second_answer_is_a_duplicate_and_a_given_up_one_s_is_late() -> None:
    settled = SettledProbes()
    settled.answered[1 << 63] = 0
    settled.given_up(2, 0)
    settled.given_up(3, 7 << 32)
    assert settled.find(1 << 63) == (0, Rejection.DUPLICATE)
    assert settled.find(2) == (0, Rejection.LATE)
    assert settled.find(3) == (7 << 32, Rejection.LATE)
    assert settled.find(4) is None


def test_a_probe_is_remembered_for_ten_seconds_at_least_and_twenty_at_most() -> None:
    settled = SettledProbes()
    settled.age(REMEMBER_NS * 2)
    settled.answered[5] = 7
    for now_ns in (REMEMBER_NS * 2 + 1, REMEMBER_NS * 3 + 1):
        settled.age(now_ns)
        assert settled.find(5) == (7, Rejection.DUPLICATE)
    settled.age(REMEMBER_NS * 4 + 2)
    assert settled.find(5) is None


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp_memory, "MAX_REMEMBERED", 10)
    settled = SettledProbes()
    settled.age(REMEMBER_NS * 2)
    for number in range(100):
        settled.answered[number] = number
        settled.age(REMEMBER_NS * 2)
    assert sum(settled.find(number) is not None for number in range(100)) <= 20
    assert settled.find(99) is not None
