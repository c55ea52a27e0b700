"""The quick run gives the recorded numbers: it is deterministic, and rules change knowingly.

Whoever changes a rule of detection or decision, or a model, records the numbers anew
(``python -m bench.detector --quick --record tests/unit/bench/detector/quick_run.json``),
looks at what changed, and lets the full run judge the bounds.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.detector.bounds import broken, unknown
from bench.detector.plan import QUICK, QUICK_CONTESTANTS, tasks
from bench.detector.tables import markdown

RECORDED = json.loads(Path(__file__).with_name("quick_run.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("contestant", QUICK_CONTESTANTS)
def test_the_quick_run_gives_the_recorded_numbers(contestant: str) -> None:
    computed = {
        f"{task.part} | {task.contestant} | {task.scenario}": task.compute()
        for task in tasks(QUICK, quick=True)
        if task.contestant == contestant
    }
    assert computed == {
        name: cell for name, cell in RECORDED.items() if f"| {contestant} |" in name
    }
    assert computed


def cells() -> dict[tuple[str, str, str], dict[str, float | int | None]]:
    found = {}
    for name, cell in RECORDED.items():
        part, contestant, scenario = name.split(" | ")
        found[part, contestant, scenario] = dict(cell)
    return found


def test_a_broken_bound_is_named_with_its_value() -> None:
    slow = cells()
    slow["detection", "balanced", "blackhole"]["p50"] = None
    assert "D1 balanced, blackhole: p50 inf s, must be at most 0.9" in broken(slow)
    slow["detection", "balanced", "blackhole"]["p50"] = 0.8
    assert not any("blackhole: p50" in line for line in broken(slow))


def test_a_bound_that_nobody_computed_is_not_taken_for_kept() -> None:
    assert "D2 balanced, loss 20 %: not computed" in unknown(cells())
    assert "D2 balanced, loss 30 %: not computed" not in unknown(cells())


def test_the_tables_show_every_contestant_once_and_leave_blank_what_is_not_known() -> None:
    text = markdown(cells())
    assert text.count("| balanced |") == 3
    assert "| the original | 14 / 18 |  | 1255 / never |" in text
