"""A person learns why a target is probed otherwise than its profile says."""

from __future__ import annotations

from typing import Any

from health.console.target_notes import target_notes


def notes(**told: Any) -> list[str]:
    return target_notes(told, interval_ms=1_000, hold_ms=500)


def test_a_stretched_interval_is_said_with_the_cap() -> None:
    assert notes(interval_ms=2_000) == [
        "probed every 2 s instead of 1 s: 10 probes/s is the most one destination gets"
    ]


def test_a_learned_hold_is_said() -> None:
    (note,) = notes(hold_ms=1_000)
    assert note.startswith("dead only after 1 s without an answer instead of 0.5 s")


def test_a_blamed_target_is_said_so_first() -> None:
    both = notes(blamed=True, interval_ms=1_100)
    assert both[0] == "blamed: bad on every path that uses it, so left out of the judgement"
    assert both[1].startswith("probed every 1.1 s instead of 1 s")


def test_what_is_as_the_profile_says_deserves_no_word() -> None:
    assert notes(interval_ms=1_000, hold_ms=500, blamed=False) == []


def test_rows_of_an_older_release_have_no_notes() -> None:
    assert notes() == []
