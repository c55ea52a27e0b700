"""Thirty cells: the worst state of two minutes each, the mean latency of ten seconds each."""

from __future__ import annotations

from health.domain.reading import PathReading
from health.domain.recent_history import CELLS, STRIP_CELL_SECS, PathPast, RecentHistory
from health.domain.status import PathStatus, Reason

NOON = 1_700_006_400.0
assert NOON % STRIP_CELL_SECS == 0


def reading(
    status: PathStatus = PathStatus.UP,
    latency_ms: float | None = 20.0,
    *,
    reachable: bool | None = True,
) -> PathReading:
    return PathReading(
        key=1, at_ns=0, status=status, reason=Reason.NONE, detail="", reachable=reachable,
        score=None, latency_ms=latency_ms, min_latency_ms=None, max_latency_ms=None,
        packet_loss_pct=None, jitter_ms=None, mos=None, sent=0, received=0, settled=0,
        answers_in_a_row=0, loss_run=0, interval_ns=1, checked_ns=None, answered_ns=None,
        since_ns=0,
    )  # fmt: skip


def test_a_cell_keeps_its_worst_state() -> None:
    history = RecentHistory(NOON)
    history.note(reading(), NOON)
    history.note(reading(PathStatus.DOWN, None, reachable=False), NOON + 1)
    history.note(reading(), NOON + 2)
    assert history.strip[-1] == "d"


def test_a_failing_path_differs_from_a_silent_one() -> None:
    history = RecentHistory(NOON)
    history.note(reading(PathStatus.DOWN), NOON)
    assert history.strip[-1] == "f"


def test_no_data_stands_only_where_nothing_else_is_known() -> None:
    history = RecentHistory(NOON)
    unknown = reading(PathStatus.UNKNOWN, None, reachable=None)
    history.note(unknown, NOON)
    assert history.strip[-1] == "n"
    history.note(reading(), NOON + 5)
    assert history.strip[-1] == "u"
    history.note(unknown, NOON + 10)
    assert history.strip[-1] == "u"


def test_a_slot_without_an_answer_is_empty_and_not_zero() -> None:
    history = RecentHistory(NOON)
    history.note_slot(int(NOON), 12.5)
    history.note_slot(int(NOON) + 10, None)
    assert list(history.spark)[-2:] == [12.5, None]


def test_time_moves_the_cells_and_silence_leaves_holes() -> None:
    history = RecentHistory(NOON)
    history.note_slot(int(NOON), 20.0)
    history.note_slot(int(NOON) + 30, 40.0)
    assert list(history.spark)[-4:] == [20.0, None, None, 40.0]
    history.note(reading(), NOON)
    history.note(reading(), NOON + 3 * STRIP_CELL_SECS)
    assert "".join(history.strip)[-4:] == "u  u"


def test_after_an_hour_of_silence_nothing_is_left() -> None:
    history = RecentHistory(NOON)
    history.note_slot(int(NOON), 10.0)
    history.note(reading(), NOON)
    history.note_slot(int(NOON) + 10**9, 20.0)
    history.note(reading(), NOON + 1e9)
    assert list(history.spark) == [None] * (CELLS - 1) + [20.0]
    assert "".join(history.strip) == " " * (CELLS - 1) + "u"


def test_a_wall_clock_set_back_stays_in_the_present_cells() -> None:
    history = RecentHistory(NOON)
    history.note_slot(int(NOON), 20.0)
    history.note_slot(int(NOON) - 600, 40.0)
    assert list(history.spark)[-2:] == [None, 40.0]
    history.note(reading(), NOON)
    history.note(reading(PathStatus.DEGRADED), NOON - 600)
    assert "".join(history.strip)[-2:] == " g"


def test_both_parts_of_a_slot_that_a_hand_over_split_share_its_cell() -> None:
    history = RecentHistory(NOON)
    history.note_slot(int(NOON), 20.0)
    history.note_slot(int(NOON), 30.0)
    history.note_slot(int(NOON), None)
    assert list(history.spark)[-2:] == [None, 30.0]


def test_a_restart_goes_on_with_what_was_stored() -> None:
    past = PathPast(NOON, PathStatus.UP, True, [None] * 29 + [11.0], " " * 29 + "g", 5, {})
    history = RecentHistory.restored(past)
    history.note_slot(int(NOON), 20.0)
    history.note(reading(), NOON + STRIP_CELL_SECS)
    assert list(history.spark)[-2:] == [11.0, 20.0]
    assert "".join(history.strip)[-2:] == "gu"


def test_a_short_stored_history_is_taken_as_it_is() -> None:
    history = RecentHistory.restored(PathPast(NOON, PathStatus.UP, True, [11.0], "g", 5, {}))
    assert list(history.spark) == [None] * 29 + [11.0]
    assert "".join(history.strip) == " " * 29 + "g"
