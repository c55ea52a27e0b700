"""The habits of the house, as far as a machine can see them."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

import failover.executors
import health.probers
from failover.executors import EXECUTORS
from failover.executors.base import RouteExecutor
from health.probers import PROBERS
from health.probers.base import Prober
from tests.unit.house.repository import ROOT, name_of, tracked, tracked_files

LONGEST_FILE = 400
LONGEST_MEDIAN = 120
OUR_APPS = {"health", "failover", "export", "sdwan_site"}
MACHINE_PATH = re.compile(r"(?<![\w.$}-])/(?:work|root|tmp|home)/\w")
REGISTRIES = re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.")))
BINARY = {".png", ".ico", ".gz", ".woff2"}


def is_generated(path: Path) -> bool:
    return path.parent.name == "migrations" and path.name.startswith("0001_")


def written_files() -> list[Path]:
    return [path for path in tracked(".py") if not is_generated(path)]


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def says_nothing(path: Path) -> bool:
    """An ``__init__.py`` that only makes a package."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return path.name == "__init__.py" and all(
        isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        for statement in tree.body
    )


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    too_long = {
        name_of(path): count
        for path in written_files()
        if (count := line_count(path)) > LONGEST_FILE
    }
    assert not too_long


def test_the_median_file_is_short() -> None:
    counts = [count for path in written_files() if (count := line_count(path))]
    assert statistics.median(counts) <= LONGEST_MEDIAN


def test_every_module_says_why_it_exists() -> None:
    silent = [
        name_of(path)
        for path in written_files()
        if not says_nothing(path)
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_no_file_names_a_place_of_one_machine() -> None:
    assert not lines_that_match(MACHINE_PATH)


def test_no_file_names_a_package_registry() -> None:
    assert not lines_that_match(REGISTRIES)


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in tracked_files()
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def implementations(package: ModuleType, protocol: type) -> set[type]:
    """The classes of ``package`` that have every method of ``protocol``."""
    methods = [name for name in vars(protocol) if inspect.isfunction(getattr(protocol, name))]
    methods = [name for name in methods if not name.startswith("_")]
    assert methods
    found = set()
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_its_own = kind.__module__ == info.name and kind is not protocol
            if inspect.isabstract(kind):  # what some kinds have in common
                continue
            if is_its_own and all(hasattr(kind, method) for method in methods):
                found.add(kind)
    return found


def test_every_prober_is_registered() -> None:
    assert implementations(health.probers, Prober) == {row.make for row in PROBERS.values()}


def test_every_executor_is_registered(tmp_path: Path) -> None:
    registered = {type(row.make(tmp_path)) for row in EXECUTORS.values()}
    assert implementations(failover.executors, RouteExecutor) == registered


def test_the_import_contracts_hold() -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_change_of_a_model_has_its_migration() -> None:
    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    changes = detector.changes(graph=loader.graph, trim_to_apps=OUR_APPS)
    assert not {app: [m.operations for m in found] for app, found in changes.items()}
