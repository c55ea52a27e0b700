"""A reflector counts each session for itself, and remembers no more than it may."""

from __future__ import annotations

import pytest

from health.probers import reflector_sessions
from health.probers.reflector_sessions import SESSION_IDLE_NS, Sessions, SourceLimit

SECOND = 1_000_000_000


def test_each_session_counts_from_zero() -> None:
    sessions = Sessions()
    assert [sessions.next_sequence(("a",), 0) for _ in range(3)] == [0, 1, 2]
    assert sessions.next_sequence(("b",), 0) == 0
    assert sessions.next_sequence(("a",), 0) == 3


def test_a_session_that_was_idle_too_long_begins_anew() -> None:
    sessions = Sessions()
    sessions.next_sequence(("a",), 0)
    assert sessions.next_sequence(("a",), SESSION_IDLE_NS) == 1
    assert sessions.next_sequence(("a",), 2 * SESSION_IDLE_NS + 1) == 0


def test_idle_sessions_go_when_others_are_used() -> None:
    sessions = Sessions()
    for name in range(100):
        sessions.next_sequence((name,), 0)
    for _ in range(50):
        sessions.next_sequence(("busy",), SESSION_IDLE_NS + 1)
    assert len(sessions) == 1


def test_the_idlest_session_goes_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector_sessions, "MAX_SESSIONS", 10)
    sessions = Sessions()
    for name in range(11):
        sessions.next_sequence((name,), name)
        sessions.next_sequence((1,), name)
    assert len(sessions) == 10
    assert sessions.next_sequence((1,), 20) > 0
    assert sessions.next_sequence((0,), 20) == 0


def test_the_count_survives_the_wrap_of_32_bits() -> None:
    sessions = Sessions()
    sessions.next_sequence(("a",), 0)
    sessions._next[("a",)] = (2**32 - 1, 0)
    assert [sessions.next_sequence(("a",), 0) for _ in range(2)] == [2**32 - 1, 0]


def test_without_a_limit_everybody_is_answered() -> None:
    limit = SourceLimit(0)
    assert not any(limit.exceeded("192.0.2.1", 0) for _ in range(10_000))


def test_the_limit_is_per_source_and_second() -> None:
    limit = SourceLimit(2)
    assert [limit.exceeded("192.0.2.1", 0) for _ in range(4)] == [False, False, True, True]
    assert not limit.exceeded("192.0.2.2", 0)
    assert not limit.exceeded("192.0.2.1", SECOND)


def test_more_sources_than_can_be_counted_are_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector_sessions, "MAX_SOURCES", 3)
    limit = SourceLimit(5)
    assert [limit.exceeded(f"192.0.2.{n}", 0) for n in range(5)] == [False] * 3 + [True] * 2
    assert not limit.exceeded("192.0.2.0", 0)
