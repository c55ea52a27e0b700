"""Loss and delay variation of each direction as a sentence for people.

Pure: what is known goes in, final text comes out. What is not known is said so, and why.
"""

from __future__ import annotations

from dataclasses import dataclass

from health.console import words
from health.domain.directions import MIN_PROBES, DirectionMetrics

_TAKES = (
    f"It takes {MIN_PROBES} probes, and a reflector that counts and stamps what it answers "
    "(a stateful one)."
)
_OPEN = "Losses since the last answer are in neither: only a later answer tells."


@dataclass(frozen=True, slots=True)
class DirectionWords:
    """``text`` such as ``there 4.0 % lost, back 1.0 %; …``; ``note`` "" when all is known."""

    text: str
    note: str = ""


def direction_words(
    directions: DirectionMetrics, *, is_measured: bool, reachable: bool | None
) -> DirectionWords:
    """The sentence about ``directions``; ``is_measured``: somebody probes the path now."""
    if not is_measured:
        return DirectionWords("not known")
    loss, variation = _loss(directions), _variation(directions)
    if not loss and not variation:
        return DirectionWords("not known yet", _OPEN if reachable is False else _TAKES)
    text = f"{loss or 'loss not known yet'}; {variation or 'variation not known yet'}"
    if reachable is False:
        return DirectionWords(text, _OPEN)
    return DirectionWords(text, "" if loss and variation else _TAKES)


def _glued(text: str) -> str:
    """``text`` that no narrow column breaks: a number stays with its way and its unit."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _loss(told: DirectionMetrics) -> str:
    if told.forward_loss_pct is None or told.backward_loss_pct is None:
        return ""
    there, back = words.number(told.forward_loss_pct), words.number(told.backward_loss_pct)
    return f"{_glued(f'there {there} % lost')}, {_glued(f'back {back} %')}"


def _variation(told: DirectionMetrics) -> str:
    if told.forward_jitter_ms is None or told.backward_jitter_ms is None:
        return ""
    there, back = words.number(told.forward_jitter_ms), words.number(told.backward_jitter_ms)
    return f"{_glued(f'variation there {there} ms')}, {_glued(f'back {back} ms')}"
