"""The last hour in thirty cells: the worst state and the mean latency of two minutes each."""

from __future__ import annotations

from health.domain.last_hour import CELL_SECS, HOUR_CELLS, LastHour, PathPast, cell_of
from health.domain.reading import PathReading
from health.domain.status import PathStatus, Reason

NOON = 1_700_006_400.0
assert NOON % CELL_SECS == 0


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
    hour = LastHour(cell_of(NOON))
    hour.note(reading(), NOON)
    hour.note(reading(PathStatus.DOWN, None, reachable=False), NOON + 1)
    hour.note(reading(), NOON + 2)
    assert hour.strip[-1] == "d"


def test_a_failing_path_differs_from_a_silent_one() -> None:
    hour = LastHour(cell_of(NOON))
    hour.note(reading(PathStatus.DOWN), NOON)
    assert hour.strip[-1] == "f"


def test_a_cell_has_the_mean_of_what_was_measured_in_it() -> None:
    hour = LastHour(cell_of(NOON))
    for latency_ms in (10.0, None, 30.0):
        hour.note(reading(latency_ms=latency_ms), NOON)
    assert hour.spark[-1] == 20.0


def test_a_cell_without_a_measurement_is_empty_and_not_zero() -> None:
    hour = LastHour(cell_of(NOON))
    hour.note(reading(PathStatus.UNKNOWN, None, reachable=None), NOON)
    assert hour.spark[-1] is None
    assert hour.strip[-1] == "n"


def test_time_moves_the_cells_and_silence_leaves_holes() -> None:
    hour = LastHour(cell_of(NOON))
    hour.note(reading(), NOON)
    hour.note(reading(latency_ms=40.0), NOON + 3 * CELL_SECS)
    assert list(hour.spark)[-4:] == [20.0, None, None, 40.0]
    assert "".join(hour.strip)[-4:] == "u  u"


def test_after_an_hour_of_silence_nothing_is_left() -> None:
    hour = LastHour(cell_of(NOON))
    hour.note(reading(), NOON)
    hour.note(reading(), NOON + 1e9)
    assert list(hour.spark) == [None] * (HOUR_CELLS - 1) + [20.0]
    assert len(hour.strip) == HOUR_CELLS


def test_a_wall_clock_set_back_stays_in_the_present_cell() -> None:
    hour = LastHour(cell_of(NOON))
    hour.note(reading(), NOON)
    hour.note(reading(latency_ms=40.0), NOON - 600)
    assert list(hour.spark)[-2:] == [None, 30.0]


def test_a_restart_goes_on_with_the_stored_hour() -> None:
    past = PathPast(NOON, PathStatus.UP, True, [None] * 29 + [11.0], " " * 29 + "g", 5, {})
    hour = LastHour.restored(past)
    hour.note(reading(), NOON + CELL_SECS)
    assert list(hour.spark)[-2:] == [11.0, 20.0]
    assert "".join(hour.strip)[-2:] == "gu"


def test_a_short_stored_hour_is_taken_as_it_is() -> None:
    hour = LastHour.restored(PathPast(NOON, PathStatus.UP, True, [11.0], "g", 5, {}))
    assert list(hour.spark) == [None] * 29 + [11.0]
    assert "".join(hour.strip) == " " * 29 + "g"
