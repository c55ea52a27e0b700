"""Telling the address and the first password, once, as soon as the web process answers.

Speaks the least of HTTP by hand: urllib would cost the supervisor more memory than
all the rest of it.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Sequence

LOOK_EVERY_SECS = 0.5
PATIENCE_SECS = 0.5


class Announcement:
    """Writes ``lines`` to stdout when ``host`` answers at ``port`` for the first time."""

    def __init__(self, host: str, port: int, lines: Sequence[str]) -> None:
        self._address = (host, port)
        self._lines = lines
        self._done = False
        self._next_look = 0.0

    def when_ready(self) -> None:
        """Look, not too often; to be called in each turn of the supervisor."""
        now = time.monotonic()
        if self._done or now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_SECS
        if not answers_http(*self._address):
            return
        self._done = True
        sys.stdout.write("\n".join(self._lines) + "\n")
        sys.stdout.flush()


def answers_http(host: str, port: int) -> bool:
    """True when a request gets an answer of any kind, a redirect to HTTPS or a refusal too."""
    name = f"[{host}]" if ":" in host else host
    request = f"GET /healthz HTTP/1.0\r\nHost: {name}:{port}\r\n\r\n"
    try:
        with socket.create_connection((host, port), PATIENCE_SECS) as connection:
            connection.sendall(request.encode("ascii"))
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False
