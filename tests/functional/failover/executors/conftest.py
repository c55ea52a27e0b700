"""Real routes in namespaces of their own, each test inside the branch's router. Needs root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.executors.linux import LinuxExecutor
from tests.conftest import missing_layer
from tests.functional.failover.executors.branch import Branch


@pytest.fixture
def branch() -> Iterator[Branch]:
    """The branch; this thread is inside its router."""
    if os.geteuid() != 0:
        missing_layer("needs root: network namespaces")
    branch = Branch()
    try:
        with branch.router.inside():
            yield branch
    finally:
        branch.close()


@pytest.fixture
def executor(tmp_path: Path) -> LinuxExecutor:
    """The executor with a folder of its own."""
    return LinuxExecutor(tmp_path / "executors")
