"""What several tests of health with a database need: something real to probe."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from health.probers.reflector import Reflector
from health.probers.reflector_config import Listener


@pytest.fixture
def reflector_port() -> Iterator[int]:
    """A STAMP reflector on loopback that serves until the test has ended."""
    reflector = Reflector([Listener("127.0.0.1", 0)])
    over = threading.Event()
    thread = threading.Thread(target=reflector.serve, args=(over.is_set,))
    thread.start()
    yield reflector.addresses[0][1]
    over.set()
    thread.join(5)
    reflector.close()
