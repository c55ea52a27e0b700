"""Cells that were computed are kept, so that a long run can be stopped and taken up again.

A cell is good for as long as the code that made it is the same; ours depend on the
product's rules, the peers' only on the models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from bench.detector.contestants import OURS
from bench.detector.plan import Task
from bench.detector.scenarios import Cell
from bench.report import RESULTS

STORE = RESULTS / "detector_cells.json"
_ROOT = Path(__file__).resolve().parent.parent.parent
_MODELS = "bench/detector/*.py"
_RULES = (
    "failover/domain/*.py",
    "health/domain/*.py",
    "health/engine/target_monitor.py",
    "health/engine/path_monitor.py",
    "health/engine/pacer.py",
)
_NOT_MODELS = ("__main__.py", "plan.py", "results.py", "tables.py", "bounds.py")


def _fingerprint(patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(_ROOT.glob(pattern)):
            if path.name not in _NOT_MODELS:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Cells:
    """The kept cells by key; ``path`` None keeps them in memory only."""

    def __init__(self, path: Path | None = STORE) -> None:
        self._path = path
        self._theirs = _fingerprint((_MODELS,))
        self._ours = _fingerprint((_MODELS, *_RULES))
        self._kept: dict[str, tuple[str, Cell]] = {}
        if path is not None and path.exists():
            self._kept = json.loads(path.read_text(encoding="utf-8"))

    def get(self, task: Task) -> Cell | None:
        """The cell, when the present code made it."""
        made_by, cell = self._kept.get(task.key, ("", None))
        return cell if made_by == self._maker(task) else None

    def put(self, task: Task, cell: Cell) -> None:
        """Keep a cell."""
        self._kept[task.key] = (self._maker(task), cell)
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(self._kept, indent=0), encoding="utf-8")
            fresh.replace(self._path)

    def _maker(self, task: Task) -> str:
        return self._ours if task.contestant in OURS else self._theirs
