"""The worst hour: how much of something falls into any sliding hour."""

from __future__ import annotations

from collections.abc import Sequence

HOUR = 3600.0
Span = tuple[float, float]
"""From and to, in seconds."""


def most_in_an_hour(times: Sequence[float]) -> int:
    """The most of these (ordered) moments that lie within one hour."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] > HOUR:
            first += 1
        most = max(most, last - first + 1)
    return most


def overlap(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Where both are; each ordered and without overlaps of its own."""
    both: list[Span] = []
    one = other = 0
    while one < len(some) and other < len(others):
        began = max(some[one][0], others[other][0])
        ended = min(some[one][1], others[other][1])
        if ended > began:
            both.append((began, ended))
        if some[one][1] < others[other][1]:
            one += 1
        else:
            other += 1
    return both


def most_secs_in_an_hour(spans: Sequence[Span]) -> float:
    """The most seconds of these (ordered) spans that any hour can cover.

    The fullest hour begins with a span or ends with one: two passes, each with a sum that
    moves along.
    """
    mirrored = [(-ended, -began) for began, ended in reversed(spans)]
    return max(_most_from_a_beginning(spans), _most_from_a_beginning(mirrored))


def _most_from_a_beginning(spans: Sequence[Span]) -> float:
    most = whole = 0.0
    following = 0
    for began, ended in spans:
        until = began + HOUR
        while following < len(spans) and spans[following][1] <= until:
            whole += spans[following][1] - spans[following][0]
            following += 1
        cut = 0.0
        if following < len(spans):
            cut = max(0.0, until - spans[following][0])
        most = max(most, whole + cut)
        # A span longer than the hour was never counted as whole.
        if ended <= until:
            whole -= ended - began
        else:
            following += 1
    return most
