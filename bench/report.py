"""How a benchmark reports: a table on the screen and a JSON file that accumulates runs."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent / "var" / "bench"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: medians of ``rounds``, in ``unit``; ``must`` is the bound, if any."""

    name: str
    value: float
    unit: str
    rounds: int
    must: str = ""


def median_figure(name: str, values: Sequence[float], unit: str, must: str = "") -> Figure:
    """The median of several rounds."""
    return Figure(name, statistics.median(values), unit, len(values), must)


def report(benchmark: str, figures: Sequence[Figure]) -> None:
    """Print the figures and append them, with machine and load, to the results."""
    load = os.getloadavg()[0]
    print(f"\n{benchmark}  (load {load:.1f}, {os.cpu_count()} cores)")
    for figure in figures:
        must = f"   must be {figure.must}" if figure.must else ""
        print(f"  {figure.name:<58} {figure.value:>12,.3f} {figure.unit:<12}{must}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "benchmark": benchmark,
        "at": datetime.now(UTC).isoformat(),
        "load": load,
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "figures": [asdict(figure) for figure in figures],
    }
    with (RESULTS / f"{benchmark}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
