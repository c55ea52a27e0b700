"""What goes wrong when something outside is told something."""

from __future__ import annotations


class OutboundError(Exception):
    """Nobody was told, or nobody said that he heard; the text names the cure.

    ``retryable`` says whether the same message may succeed later.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable
