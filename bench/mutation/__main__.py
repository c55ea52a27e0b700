"""``python -m bench mutation``: the share of changed rules that the unit tests notice.

Every mutant runs in a process of its own, forked from one that has loaded everything but
the rules: the tests that are closest to the module first, then the others. A mutant that
outlives all of them is printed. ``python -m bench.mutation gates leave`` takes some modules.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from bench.mutation.mutants import Mutant, mutants_of
from bench.mutation.runner import run_tests
from bench.report import Figure, report

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = ROOT / "failover" / "domain"
TESTS = ROOT / "tests" / "unit" / "failover" / "domain"
MODULES = (
    "gates",
    "leave",
    "failback",
    "preference",
    "pinned",
    "holds",
    "damping",
    "clocks",
    "transition",
    "decision",
)
CLOSEST = {
    "gates": ["gates", "preference", "strategies"],
    "leave": ["leave", "surroundings", "regressions_field"],
    "failback": ["failback", "surroundings", "preference"],
    "preference": ["preference"],
    "pinned": ["pins"],
    "holds": ["holds_and_notices", "surroundings"],
    "damping": ["damping_and_clocks"],
    "clocks": ["damping_and_clocks", "surroundings"],
    "transition": ["leave", "damping_and_clocks", "surroundings"],
    "decision": ["holds_and_notices", "surroundings", "pins"],
}
SLOW = ("test_decide_properties.py", "test_adversaries.py")
NOT_ABOUT_RULES = ("test_evidence", "test_replay", "test_record", "test_calendar")
TIMEOUT_SECS = 300.0
WORKERS = 2
MUST = 95.0

KILLED, SURVIVED = 1, 0
"""What a child's exit code says."""


def main() -> int:
    """Run and report; 1 when too many mutants survive."""
    wanted = sys.argv[1:] or list(MODULES)
    os.environ.setdefault("PATHWARDEN_PROPERTY_EXAMPLES", "8")
    os.environ.setdefault("PATHWARDEN_PROPERTY_STEPS", "1000")
    os.chdir(ROOT)
    _load_everything_else()
    figures, total, killed = [], 0, 0
    for name in wanted:
        source = (DOMAIN / f"{name}.py").read_text(encoding="utf-8")
        if _is_killed(name, Mutant(0, "nothing", ast.parse(source))):
            print(f"the tests fail for {name}.py as it is: nothing can be said about mutants")
            return 2
        mutants = list(mutants_of(source))
        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = list(pool.map(lambda one, name=name: _is_killed(name, one), mutants))
        for mutant, noticed in zip(mutants, outcomes, strict=True):
            if not noticed:
                print(f"survived: {name}.py:{mutant.line}: {mutant.what}", flush=True)
        figures.append(Figure(f"{name}.py: noticed of {len(mutants)}", sum(outcomes), "", 1))
        total, killed = total + len(mutants), killed + sum(outcomes)
    score = 100.0 * killed / total
    figures.append(Figure(f"mutation score over {total} mutants", score, "%", 1, f"≥ {MUST:g}"))
    report("mutation", figures)
    return int(score < MUST)


def _load_everything_else() -> None:
    """What every child needs and no mutant changes, so that a fork finds it there."""
    for module in ("hypothesis.stateful", "pytest", "health.domain.scoring", "zoneinfo"):
        importlib.import_module(module)
    assert not [name for name in sys.modules if name.startswith("failover.domain")]


def _is_killed(name: str, mutant: Mutant) -> bool:
    """True when some test fails, or when nothing ends any more."""
    close = [TESTS / f"test_{one}.py" for one in CLOSEST[name]]
    close = [path for path in close if path.exists()]
    others = [path for path in sorted(TESTS.glob("test_*.py")) if path not in close]
    others = [path for path in others if not path.name.startswith(NOT_ABOUT_RULES)]
    others.sort(key=lambda path: path.name in SLOW)
    return _fails(name, mutant, close) or _fails(name, mutant, others)


def _fails(name: str, mutant: Mutant, tests: Sequence[Path]) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(_run_child(name, mutant, tests))
    deadline = time.monotonic() + TIMEOUT_SECS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) != SURVIVED
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def _run_child(module: str, mutant: Mutant, tests: Sequence[Path]) -> int:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.meta_path.insert(0, _Changed(f"failover.domain.{module}", mutant.tree))
    try:
        for path in tests:
            run_tests(importlib.import_module(f"tests.unit.failover.domain.{path.stem}"))
    except BaseException:
        return KILLED
    return SURVIVED


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module its changed source, wherever it is imported."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name = name
        self._tree = tree

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        source = DOMAIN / f"{fullname.rpartition('.')[2]}.py"  # for tests that read the source
        return importlib.util.spec_from_file_location(fullname, source, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self._tree, module.__name__, "exec")
        exec(code, module.__dict__)


if __name__ == "__main__":
    sys.exit(main())
