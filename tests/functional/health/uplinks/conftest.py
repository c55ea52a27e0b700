"""Two uplinks that look alike, each test inside a branch of its own. Needs root."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import missing_layer
from tests.lab.two_uplinks import Pinger, TwoUplinks, Watcher


@pytest.fixture
def lab() -> Iterator[TwoUplinks]:
    """The branch, its providers, and this thread inside the branch."""
    if os.geteuid() != 0:
        missing_layer("needs root: network namespaces")
    lab = TwoUplinks()
    try:
        with lab.branch.inside():
            yield lab
    finally:
        lab.close()


@pytest.fixture
def watch(lab: TwoUplinks) -> Iterator[Callable[[], Watcher]]:
    """Starts keepers that are closed before the branch goes."""
    watchers: list[Watcher] = []

    def start() -> Watcher:
        watchers.append(Watcher())
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.keeper.close()


@pytest.fixture
def pinger(lab: TwoUplinks) -> Iterator[Callable[[int], Pinger]]:
    """Makes sockets for probes that leave as an uplink's state says."""
    pingers: list[Pinger] = []

    def make(family: int = 4) -> Pinger:
        pingers.append(Pinger(family))
        return pingers[-1]

    yield make
    for one in pingers:
        one.close()
