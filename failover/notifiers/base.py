"""The contract between an event and what tells people about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Mailer = Callable[[str, str, Sequence[str]], None]
"""Sends (subject, text, recipients); raises ``OSError`` when the mail can't be handed over."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event in words; ``values`` are its JSON values, ``key`` is the same in each attempt."""

    key: str
    timestamp: int
    subject: str
    text: str
    values: Mapping[str, Any]


class Notifier(Protocol):
    """One way to tell people. Methods raise ``OutboundError``."""

    def __init__(self, mailer: Mailer) -> None: ...

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ``OutboundError`` naming the option that can't work; nobody is told."""
        ...

    def send(self, options: Mapping[str, Any], messages: Sequence[Message]) -> None:
        """Tell about ``messages``, oldest first, in one go: a storm is one message."""
        ...


def digest(messages: Sequence[Message]) -> tuple[str, str]:
    """(subject, text) for messages that are told in one go."""
    if len(messages) == 1:
        return messages[0].subject, messages[0].text
    subject = f"{messages[-1].subject} (and {len(messages) - 1} more)"
    return subject, "\n\n".join(message.text for message in messages)
