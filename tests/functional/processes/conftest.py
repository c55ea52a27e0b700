"""One running product for all tests of this folder: starting one takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.processes.product import Product, wait_until


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """``manage.py up --demo``, measuring; stopped afterwards, with no process left."""
    running = Product(tmp_path_factory.mktemp("product"))
    running.start()
    try:
        wait_until(
            lambda: running.answers() and running.measured_after(0),
            "pages and measurements",
            120,
            log=running.log,
        )
        yield running
    finally:
        survivors = running.stop()
    assert not survivors, f"left behind after SIGTERM: {survivors}"
