"""Networks for the tests of this folder, and the product in them; each test has its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing_layer
from tests.lab.product import Product, Wanted, seed
from tests.lab.two_providers import TwoProviders

Install = Callable[..., Product]
MOVER = os.environ.get("PATHWARDEN_LAB_EXECUTOR", "linux")
"""What moves traffic where a test does not say: real routes, or ``dry_run``."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without PATHWARDEN_LAB=all the use cases that say the least beside others are left out."""
    if os.environ.get("PATHWARDEN_LAB") == "all":
        return
    skip = pytest.mark.skip(reason="runs with PATHWARDEN_LAB=all, as `python -m bench lab` does")
    for item in items:
        if item.get_closest_marker("lab_all"):
            item.add_marker(skip)


@pytest.fixture
def net() -> Iterator[TwoProviders]:
    """Two providers, everything clean."""
    if os.geteuid() != 0:
        missing_layer("needs root: network namespaces")
    with TwoProviders() as net:
        yield net


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an empty, migrated database."""
    directory = tmp_path_factory.mktemp("migrated")
    seed(directory, None)
    return directory


@pytest.fixture
def install(net: TwoProviders, migrated: Path, tmp_path: Path) -> Iterator[Install]:
    """Installs the product in the branch, starts its monitor and waits until it is warm.

    Takes the fields of ``Wanted``; ``executor`` and other fields of the policy in ``policy``.
    """
    with ExitStack() as stack:

        def installed(*, policy: dict[str, Any] | None = None, **wanted: Any) -> Product:
            directory = tmp_path / "data"
            shutil.copytree(migrated, directory)
            settings = {"executor": MOVER, **(policy or {})}
            product = Product(net, directory, Wanted(policy=settings, **wanted))
            stack.enter_context(product)
            product.start()
            product.wait_ready()
            return product

        yield installed
