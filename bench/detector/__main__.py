"""``python -m bench.detector``: compute what is missing, print the tables, judge the bounds."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from bench.detector.bounds import broken, figures, unknown
from bench.detector.plan import FULL, QUICK, Task, tasks
from bench.detector.results import Cells
from bench.detector.scenarios import Cell
from bench.detector.tables import markdown, write_into
from bench.report import report

CellsByName = dict[tuple[str, str, str], Cell]


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.detector", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small counts: a minute, no verdict")
    parser.add_argument("--only", default="", help="contestants, separated by semicolons")
    parser.add_argument("--part", default="", help="detection, false failovers or oscillation")
    parser.add_argument("--kept", action="store_true", help="compute nothing, show what there is")
    parser.add_argument("--record", type=Path, help="a file into which the cells are written")
    parser.add_argument("--docs", type=Path, help="a page into which the tables are written")
    return parser.parse_args()


def run(wanted: list[Task], cells: Cells, *, compute: bool = True) -> CellsByName:
    """All cells of ``wanted``, from what was kept or computed now."""
    found: CellsByName = {}
    for number, task in enumerate(wanted, start=1):
        cell = cells.get(task)
        if cell is None and compute:
            began = time.process_time()
            cell = task.compute()
            cells.put(task, cell)
            took = time.process_time() - began
            print(f"{number}/{len(wanted)} {task.key}: {cell} ({took:.0f} s)", flush=True)
        if cell is not None:
            found[task.part, task.contestant, task.scenario] = cell
    return found


def main() -> int:
    """Run and report; returns 1 when a bound is broken."""
    asked = arguments()
    counts = QUICK if asked.quick else FULL
    only = {name.strip() for name in asked.only.split(";") if name.strip()}
    wanted = [
        task
        for task in tasks(counts, quick=asked.quick)
        if (not only or task.contestant in only) and asked.part in ("", task.part)
    ]
    found = run(wanted, Cells(None) if asked.quick else Cells(), compute=not asked.kept)
    text = markdown(found)
    print(text)
    if asked.record is not None:
        cells = {" | ".join(names): cell for names, cell in found.items()}
        asked.record.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
    if asked.docs is not None:
        write_into(asked.docs, text)
    if asked.quick:
        return 0
    report("detector", figures(found, counts.trials))
    failed = broken(found)
    print("\n".join([*failed, *unknown(found)]) or "every bound is kept")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
