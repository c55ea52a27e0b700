"""The kinds of probes there are: one explicit row each, one file per kind.

Everything that depends on the kind (choices of a form, default ports, help
texts, what the engine makes) reads this table; a new kind is a new row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from health.probers.icmp import IcmpProber
from health.probers.stamp import StampProber
from health.probers.stamp_packet import DEFAULT_PORT as STAMP_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from health.probers.base import Prober


class ProberKind(NamedTuple):
    """One kind of probe: how to make its prober and how to explain it to people.

    ``default_port`` is None for kinds without ports (``needs_port`` False).
    ``make`` may raise ``ProberPermissionError`` with the cure.
    """

    make: Callable[[], Prober]
    label: str
    default_port: int | None
    needs_port: bool
    help: str


PROBERS: dict[str, ProberKind] = {
    "icmp": ProberKind(
        make=IcmpProber,
        label="ICMP echo",
        default_port=None,
        needs_port=False,
        help="Echo requests (ping). Needs nothing at the target; needs CAP_NET_RAW or "
        "net.ipv4.ping_group_range here. Some routers answer them with low priority.",
    ),
    "stamp": ProberKind(
        make=StampProber,
        label="STAMP (RFC 8762)",
        default_port=STAMP_PORT,
        needs_port=True,
        help="UDP test packets to a session-reflector at the target (manage.py reflector, "
        "or a router with STAMP or TWAMP Light). Needs no privileges; the reflector's own "
        "delay is subtracted.",
    ),
}
