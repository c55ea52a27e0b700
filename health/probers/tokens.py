"""Unpredictable numbers by the thousand: what makes an answer impossible to guess.

From the operating system, never from a pseudo-random generator. No packets here.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN_BYTES = 8
_TOKENS_AT_ONCE = 512
_read_tokens = struct.Struct(f"!{_TOKENS_AT_ONCE}Q").unpack


def random_tokens() -> Iterator[int]:
    """Unpredictable numbers of 64 bits, without end.

    Fetched from the operating system by the hundred: one system call for each
    probe would cost as much as building its packet.
    """
    while True:
        yield from _read_tokens(os.urandom(TOKEN_BYTES * _TOKENS_AT_ONCE))


class TokenSource:
    """The same as bytes."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = random_tokens()

    def next(self) -> bytes:
        """Eight unpredictable bytes."""
        return next(self._numbers).to_bytes(TOKEN_BYTES, "big")
