"""Waiting in tests for what other threads do; asserts nothing but that it happens."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], patience_secs: float = 60.0) -> None:
    """Poll until ``condition()`` is true; fails after ``patience_secs``."""
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
