"""The record of a policy whose switch failed: as if the traffic had never been moved.

Pure: JSON values in, JSON values out (the format is ``failover.domain.record``'s).
"""

from __future__ import annotations

from typing import Any


def reverted(
    record: dict[str, Any],
    *,
    failed_key: int | None,
    active: int | None,
    generation: int,
    at: float,
) -> dict[str, Any]:
    """``record`` with the traffic on ``active``; ``at`` is seconds since 1970, UTC.

    The dwell had passed when the switch was decided, so it does not hold up the next
    choice. The path that could not be used is damped like one that failed: others are
    tried before it, and a dead active path still lets it be tried again.
    """
    if not record:
        return record
    clocks = {key: dict(clock) for key, clock in record["clocks"].items()}
    back = clocks.get(str(active))
    if back is not None:
        back.update(left_at=None, left_because=None)
    failed = clocks.get(str(failed_key))
    if failed is not None:
        failed.update(healthy_since=None, carried_secs=0.0, left_at=at, left_because="dead")
    return {
        **record,
        "active": active,
        "generation": generation,
        "active_since": at,
        "last_switch_at": None,
        "clocks": clocks,
    }
