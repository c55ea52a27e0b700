"""The kinds of probes there are: one explicit row each, one file per kind.

Everything that depends on the kind (choices of a form, default ports, help
texts, what the engine makes) reads this table; a new kind is a new row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from health.probers.asked import Asked, Problem, nothing_is_asked
from health.probers.dns import DnsProber
from health.probers.dns_request import dns_problems
from health.probers.http import HttpProber
from health.probers.http_request import http_problems
from health.probers.icmp import IcmpProber
from health.probers.stamp import StampProber
from health.probers.stamp_packet import DEFAULT_PORT as STAMP_PORT
from health.probers.tcp import TcpProber

if TYPE_CHECKING:
    from collections.abc import Callable

    from health.probers.base import Prober


class ProberKind(NamedTuple):
    """One kind of probe: how to make its prober and how to explain it to people.

    ``default_port`` is None for kinds without ports (``needs_port`` False).
    ``make`` may raise ``ProberPermissionError`` with the cure. ``problems`` says
    what is wrong with the request of a target and with the answer it expects.
    ``tells_directions``: replies can carry ``directions``, as far as the target helps.
    """

    make: Callable[[], Prober]
    label: str
    default_port: int | None
    needs_port: bool
    help: str
    problems: Callable[[Asked], list[Problem]] = nothing_is_asked
    tells_directions: bool = False


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
        tells_directions=True,
    ),
    "tcp": ProberKind(
        make=TcpProber,
        label="TCP connect",
        default_port=443,
        needs_port=True,
        help="Opens a connection and resets it. Needs a listening port at the target and no "
        "privileges here; the kernel measures the handshake.",
    ),
    "dns": ProberKind(
        make=DnsProber,
        label="DNS query",
        default_port=53,
        needs_port=True,
        help="Asks a name server over UDP. Needs no privileges; an address or text that the "
        "answer must contain may be given.",
        problems=dns_problems,
    ),
    "http": ProberKind(
        make=HttpProber,
        label="HTTP GET",
        default_port=80,
        needs_port=True,
        help="Fetches a URL over http or https, verifies the certificate, and judges status and "
        "text. Needs no privileges; costs far more than other kinds.",
        problems=http_problems,
    ),
}
