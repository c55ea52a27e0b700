"""Whose fault: the path's, or a target's that is bad wherever one comes from?

A target is blamed, and leaves the quorum of its paths, when it is bad on every
path that uses it, at least two paths use it, and each of those has another target
that answers. So the last target of a path is never blamed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

BAD_BELOW_SCORE = 50.0
"""A target that answers with a lower score is bad as well: policed, overloaded."""


class TargetWitness(NamedTuple):
    """What one path says about one of its targets.

    ``bad``: dead, or scored below ``BAD_BELOW_SCORE``. ``another_answers``: a
    different target of the same path is alive and not bad; of no weight for a good one.
    """

    bad: bool
    another_answers: bool


def is_to_blame(witnesses: Iterable[TargetWitness]) -> bool:
    """True when the target itself is at fault, given the word of every path that uses it.

    Asks no further after the first good word.
    """
    count = 0
    for witness in witnesses:
        if not (witness.bad and witness.another_answers):
            return False
        count += 1
    return count > 1
