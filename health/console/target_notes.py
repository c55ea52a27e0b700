"""What deserves a word about how a target is probed: a stretched interval, a learned hold, blame.

Pure: what the monitor stored about the target goes in, sentences come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from health.domain.destination_cap import MAX_PROBES_PER_SEC


def target_notes(target: Mapping[str, Any], *, interval_ms: int, hold_ms: int) -> list[str]:
    """Sentences about ``target`` beside its profile's ``interval_ms`` and ``hold_ms``.

    Rows of an older release lack the keys and have no notes.
    """
    notes = []
    if target.get("blamed"):
        notes.append("blamed: bad on every path that uses it, so left out of the judgement")
    stretched = target.get("interval_ms") or 0
    if stretched > interval_ms:
        notes.append(
            f"probed every {_secs(stretched)} instead of {_secs(interval_ms)}: "
            f"{MAX_PROBES_PER_SEC:g} probes/s is the most one destination gets"
        )
    learned = target.get("hold_ms") or 0
    if learned > hold_ms:
        notes.append(
            f"dead only after {_secs(learned)} without an answer instead of {_secs(hold_ms)}: "
            "it came back too soon the last time"
        )
    return notes


def _secs(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3g} s"
