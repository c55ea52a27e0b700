"""Networks for the tests of this folder: each test has one of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.conftest import missing_layer
from tests.lab.two_providers import TwoProviders


@pytest.fixture
def net() -> Iterator[TwoProviders]:
    """Two providers, everything clean."""
    if os.geteuid() != 0:
        missing_layer("needs root: network namespaces")
    with TwoProviders() as net:
        yield net
