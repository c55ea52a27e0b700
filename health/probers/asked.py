"""What a target may be asked, for forms and models: the fields, and who asks nothing.

Each kind that asks something has a function like ``nothing_is_asked`` beside its
prober; ``PROBERS`` names it. Pure; no sockets.
"""

from __future__ import annotations

from typing import NamedTuple

Problem = tuple[str, str]
"""A field of ``Asked`` and what is wrong with it, with the cure."""


class Asked(NamedTuple):
    """The request of a target and what counts as its answer, as somebody entered them."""

    port: int | None = None
    request: str = ""
    expected_text: str = ""
    expected_status: int | None = None


def nothing_is_asked(asked: Asked) -> list[Problem]:
    """For kinds whose answer has no content."""
    return [
        (field, "This kind of probe asks nothing and expects no text or status: leave it empty.")
        for field in ("request", "expected_text", "expected_status")
        if getattr(asked, field)
    ]


def no_status(asked: Asked) -> list[Problem]:
    """For kinds whose answers carry no HTTP status."""
    if asked.expected_status is None:
        return []
    return [("expected_status", "Only HTTP has a status: leave it empty.")]
