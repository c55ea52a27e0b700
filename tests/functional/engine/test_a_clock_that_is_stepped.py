"""The wall clock is set an hour forth and back under a running engine: labels move, nothing else.

By faketime, which moves the wall clock of one process and leaves its monotonic clock
alone. It can't move the kernel's stamps of arrival, which after a real step agree
with the process again: here they stay an hour off, every answer is timed by the guard
between the clocks alone, and its time includes the wait until it is read. That it is
exact after a real step is shown with injected clocks (``test_rtt_clock``).
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.conftest import missing_layer
from tests.functional.engine.running import Place, failures, path_over, reflecting, running

pytestmark = pytest.mark.root

HOUR = 3_600
SLOT_SECS = 10
WALL_LESS_MONOTONIC = time.time() - time.monotonic()
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """The file that says how far the wall clock is off, as faketime(1) reads it."""
    if not LIBRARIES or shutil.which("faketime") is None:
        missing_layer("needs faketime: apt-get install faketime")
    file = tmp_path / "clock"
    file.write_text("+0\n")
    return file


def stepped(clock: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.parametrize("kind", ["icmp", "stamp"])
def test_neither_a_loss_nor_a_wrong_time_comes_of_it(place: Place, clock: Path, kind: str) -> None:
    paths = [path_over(key, kind=kind, port=862) for key in (1, 2)]
    with (
        reflecting(place.far),
        running(place.vantage, {"paths": paths}, stepped(clock)) as engine,
    ):
        first = engine.until_all("up")
        for offset in (HOUR, -HOUR, 0):
            clock.write_text(f"{offset:+d}\n")
            moved = engine.until(lambda line, by=offset: abs(line["wall"] - now(line) - by) < 60)
            assert all(path["reachable"] for path in moved["paths"].values())
            last = engine.run_for(3)
        end = engine.end()
    assert failures(end) == {}
    assert last["overruns"] == first["overruns"]
    for path in last["paths"].values():
        assert path["loss"] == 0
        assert 0 < path["min_ms"] <= path["max_ms"] < 1_000  # an hour off would be 3,600,000
    slots = [row for line in engine.lines if line["what"] == "samples" for row in line["slots"]]
    assert all(timestamp % SLOT_SECS == 0 for timestamp, *_ in slots)
    assert all(0 <= received == sent <= 60 for _, _, sent, received in slots)
    # Every step closes the slot it interrupts; no slot of the hour between is made up.
    assert len({timestamp for timestamp, *_ in slots}) <= 3 + len(engine.rounds()) // SLOT_SECS + 1


def now(line: dict[str, float]) -> float:
    """The true wall clock at that line."""
    return line["at"] + WALL_LESS_MONOTONIC
