"""What the decision thread looks up for the loop each second: roles of pairs, use of uplinks.

Files and rows, which the loop's thread must never wait for. Judges nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from failover.models import FailoverPolicy
from failover.roles import role_of
from health.models import Uplink
from health.selectors.uplinks import UplinkNow, current_uplinks

LOAD_EVERY_NS = 10_000_000_000
"""Traffic is counted in slots of 10 s."""
BY_LOAD = "least_loaded"


class Present(NamedTuple):
    """``standby`` are the policies for which this host is not the master of its pair.

    ``utilisation_pct`` is that of the uplink of each path, by path key; a path is missing
    where it is not known.
    """

    standby: frozenset[int] = frozenset()
    utilisation_pct: dict[int, float] = {}


class PresentReader:
    """Reads it; the use of uplinks only while a policy's strategy asks for it."""

    def __init__(self) -> None:
        self._load: dict[int, float] = {}
        self._load_due_ns = 0
        self._told: Present | None = None

    def news(
        self, policies: Collection[FailoverPolicy], *, wall: float, now_ns: int
    ) -> Present | None:
        """The present, when it differs from what was returned before.

        ``wall`` is seconds since 1970, ``now_ns`` monotonic; members must be prefetched.
        """
        if now_ns >= self._load_due_ns:
            self._load_due_ns = now_ns + LOAD_EVERY_NS
            self._load = _utilisation(policies, wall)
        standby = frozenset(row.pk for row in policies if role_of(row.role_source).standby)
        present = Present(standby, self._load)
        if present == self._told:
            return None
        self._told = present
        return present


def _utilisation(policies: Collection[FailoverPolicy], wall: float) -> dict[int, float]:
    paths = [
        member.path
        for policy in policies
        if policy.strategy == BY_LOAD
        for member in policy.members.all()
    ]
    if not paths:
        return {}
    only = Uplink.objects.filter(pk__in={path.uplink_id for path in paths})
    used = {one.row.pk: _busier(one) for one in current_uplinks(now=wall, only=only)}
    return {path.pk: load for path in paths if (load := used.get(path.uplink_id)) is not None}


def _busier(uplink: UplinkNow) -> float | None:
    """The use of the direction that is fuller; None when neither is known."""
    both = (uplink.receive_utilisation_pct, uplink.transmit_utilisation_pct)
    return max((one for one in both if one is not None), default=None)
