"""Which echo request carries which identifier: one for each way out of this host.

Connection tracking knows an echo by source, destination and identifier alone
(Linux: nf_conntrack_proto_icmp.c). Were all uplinks to share one identifier, two
of the same source address would share one connection per target, and where a
rule of this very host masquerades, the kernel drops the probes of the second
(nf_nat_oif_changed). Knows no packets and no sockets.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from health.probers.slots import SLOTS, SlotTable

if TYPE_CHECKING:
    from health.probers.base import WireTarget

GROUP_BITS = 6
"""Of the 16 bits of an identifier: 63 groups with their own and 1 for all further ones.

The other 10 keep the answers to other processes of this host away in the kernel;
more groups would leave fewer of them. Numbers within them are random too, so that
two processes with the same 10 bits still seldom have an identifier in common.
"""
RANDOM_MASK = 0xFFFF & ~((1 << GROUP_BITS) - 1)
"""The bits that all identifiers of one raw socket have in common."""

Group: TypeAlias = tuple[str, str, int, int]
"""(source, interface, index of the interface, fwmark): lanes that leave alike."""

ANYWHERE: Group = ("", "", 0, 0)
"""Lanes that leave it all to the kernel's routing."""


def group_of(target: WireTarget) -> Group:
    """The group whose identifier the probes of ``target`` carry."""
    return target.source, target.interface, target.interface_index, target.fwmark


def random_part() -> int:
    """What the identifiers of one raw socket have in common, unlike its neighbours'; never 0."""
    return random.SystemRandom().randrange(1, 1 << (16 - GROUP_BITS)) << GROUP_BITS


def identifiers_of(common: int) -> list[int]:
    """All identifiers with these upper bits, in random order."""
    numbers = range(1 << GROUP_BITS)
    return [common | number for number in random.SystemRandom().sample(numbers, len(numbers))]


class GroupIdentifiers:
    """The identifiers of one socket, lent to groups as long as they have lanes.

    The last identifier is shared by all groups that come when the others are
    lent: a socket with a single one gives that to everybody. What was returned is
    lent again as late as possible, for connection tracking remembers it for 30 s.
    """

    def __init__(self, identifiers: Sequence[int]) -> None:
        self._free = deque(identifiers[:-1])
        self._shared = identifiers[-1]
        self._lent: dict[Group, int] = {}
        self._lanes: Counter[Group] = Counter()

    @property
    def in_use(self) -> bool:
        """True while there are lanes."""
        return bool(self._lanes)

    def take(self, group: Group) -> int:
        """The identifier of one more lane of this group."""
        if group not in self._lent:
            self._lent[group] = self._free.popleft() if self._free else self._shared
        self._lanes[group] += 1
        return self._lent[group]

    def give_back(self, group: Group) -> None:
        """A lane of this group is no longer used."""
        self._lanes[group] -= 1
        if self._lanes[group] > 0:
            return
        del self._lanes[group]
        identifier = self._lent.pop(group, self._shared)
        if identifier != self._shared:
            self._free.append(identifier)


class EchoSlots(SlotTable):
    """Outstanding probes, and with which identifier each slot was last sent."""

    def __init__(self) -> None:
        super().__init__()
        self.identifiers = array("H", bytes(2 * SLOTS))
        """By slot, also of settled probes. Set by whoever opens a slot."""
