"""Runs the tests of a module as they are, with their parameters and without pytest's start.

Thousands of runs are needed, and pytest takes longer to start than the tests to run. Tests
that ask for fixtures are left out; the rules of the decision have none.
"""

from __future__ import annotations

import inspect
import itertools
import unittest
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def run_tests(module: ModuleType) -> None:
    """Call every test; the first one that fails raises."""
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and issubclass(value, unittest.TestCase):
            value("runTest").debug()
        elif name.startswith("test_") and callable(value):
            for arguments in _arguments(value):
                value(**arguments)


def _arguments(test: Any) -> Iterator[dict[str, Any]]:
    """What each call of a parametrised test gets; nothing for a test that wants a fixture."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    for chosen in itertools.product(*(_cases(*mark.args[:2]) for mark in marks)):
        arguments = {name: value for case in chosen for name, value in case.items()}
        wanted = set() if hasattr(test, "hypothesis") else set(inspect.signature(test).parameters)
        if wanted <= set(arguments):
            yield arguments


def _cases(names: Any, values: Any) -> list[dict[str, Any]]:
    split = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    if len(split) == 1:
        return [{split[0]: value} for value in values]
    return [dict(zip(split, value, strict=True)) for value in values]
