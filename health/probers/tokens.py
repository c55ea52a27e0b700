"""Unpredictable bytes by the thousand: what makes an answer impossible to guess.

From the operating system, never from a pseudo-random generator. No packets here.
"""

from __future__ import annotations

import os

TOKEN_BYTES = 8
_TOKENS_AT_ONCE = 512


class TokenSource:
    """Random tokens, fetched from the operating system by the hundred.

    One system call for each probe would cost as much as building its packet.
    """

    __slots__ = ("_offset", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._offset = 0

    def next(self) -> bytes:
        """Eight unpredictable bytes."""
        offset = self._offset
        if offset >= len(self._pool):
            self._pool = os.urandom(TOKEN_BYTES * _TOKENS_AT_ONCE)
            offset = 0
        self._offset = offset + TOKEN_BYTES
        return self._pool[offset : offset + TOKEN_BYTES]
