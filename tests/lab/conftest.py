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
from tests.lab.product import Product, Wanted, seeded
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
def installation(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Wanted], Path]:
    """Data directories by what is wanted, each made once and then copied."""
    made: dict[str, Path] = {}

    def of(wanted: Wanted) -> Path:
        key = wanted.to_json()
        if key not in made:
            directory = tmp_path_factory.mktemp("seeded")
            if "empty" not in made:
                made["empty"] = tmp_path_factory.mktemp("empty")
                seeded(made["empty"], None)
            shutil.copytree(made["empty"], directory, dirs_exist_ok=True)
            seeded(directory, wanted)
            made[key] = directory
        return made[key]

    return of


@pytest.fixture
def install(
    net: TwoProviders, installation: Callable[[Wanted], Path], tmp_path: Path
) -> Iterator[Install]:
    """Installs the product in the branch, starts its monitor and waits until it is warm.

    Takes the fields of ``Wanted``; ``executor`` and other fields of the policy in ``policy``.
    """
    with ExitStack() as stack:

        def installed(*, policy: dict[str, Any] | None = None, **wanted: Any) -> Product:
            settings = {"executor": MOVER, **(policy or {})}
            directory = tmp_path / "data"
            shutil.copytree(installation(Wanted(policy=settings, **wanted)), directory)
            product = stack.enter_context(Product(net, directory))
            product.start()
            product.wait_ready()
            return product

        yield installed
