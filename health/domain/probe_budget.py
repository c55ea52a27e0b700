"""What probing a path costs the line: probes a second, and megabytes a month. Pure.

Counted as providers count: IP packets in both directions, headers included, in a month
of 30 days. Bursts after a suspected loss are not counted; they are short and rare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

MONTH_SECS = 30 * 86_400
METERED_SANE_MB = 250.0
"""More than this for probes alone deserves a word where bytes are paid for: the profile
``metered`` stays below with five ICMP targets."""
IPV4_HEADER, IPV6_HEADER = 20, 40
UDP_HEADER = 8
_DNS_EDNS_BYTES, _DNS_TYPE_AND_CLASS = 11, 4
_ROOT_NS = ". NS"


class Exchange(NamedTuple):
    """One answered probe: IP packets of both directions, and their bytes after the IP header.

    ``is_exact`` is False where the other side decides how long its answer is.
    """

    packets: int
    payload: int
    is_exact: bool = True

    def bytes_with_headers(self, ip_header: int) -> int:
        """All bytes of the exchange as the line carries them."""
        return self.packets * ip_header + self.payload


class BudgetTarget(NamedTuple):
    """A target as far as it costs: ``request`` as in ``WireTarget``."""

    address: str
    interval_ms: float
    request: str = ""


@dataclass(frozen=True, slots=True)
class ProbeBudget:
    """``bytes_per_month`` is None for a kind whose packets are not known.

    ``is_exact`` is False where it is an estimate: answers of unknown length, or names
    whose family of addresses is not known (counted as IPv6, the larger).
    """

    probes_per_sec: float
    bytes_per_month: float | None
    is_exact: bool

    @property
    def mb_per_month(self) -> float | None:
        """Megabytes of 1,000,000 bytes in 30 days."""
        return None if self.bytes_per_month is None else self.bytes_per_month / 1e6


_FIXED = {
    # ICMP header 8, token 8, signature 8; the reply is the same again (RFC 792, RFC 4443).
    "icmp": Exchange(packets=2, payload=2 * 24),
    # 44 bytes there and back over UDP (RFC 8762 §4.2.1, §4.3.1).
    "stamp": Exchange(packets=2, payload=2 * (UDP_HEADER + 44)),
    # SYN and SYN-ACK with the usual options 40 each, ACK 32, RST 20 (RFC 9293, RFC 7323).
    "tcp": Exchange(packets=4, payload=40 + 40 + 32 + 20),
}
_HTTP = Exchange(packets=10, payload=3_000, is_exact=False)
_HTTPS = Exchange(packets=16, payload=8_000, is_exact=False)
"""Handshake, a short page; with TLS 1.3 also a chain of certificates of usual length."""


def probe_budget(kind: str, targets: Iterable[BudgetTarget]) -> ProbeBudget:
    """What probing ``targets`` with ``kind`` costs; 0 without targets."""
    rate, total, exact = 0.0, 0.0, True
    known = True
    for target in targets:
        per_sec = 1000.0 / target.interval_ms
        exchange = _exchange(kind, target.request)
        rate += per_sec
        if exchange is None:
            known = False
            continue
        header, is_literal = _ip_header(target.address)
        total += per_sec * MONTH_SECS * exchange.bytes_with_headers(header)
        exact = exact and exchange.is_exact and is_literal
    return ProbeBudget(rate, total if known else None, exact)


def metered_warning(budget: ProbeBudget) -> str:
    """What to say about ``budget`` on an uplink that is paid by the byte; "" when it is modest."""
    mb = budget.mb_per_month
    if mb is None or mb <= METERED_SANE_MB:
        return ""
    return (
        f"The probes cost about {mb:,.0f} MB a month on an uplink that is paid by the byte: "
        "choose a slower probe profile (metered probes every 10 s) or fewer targets."
    )


def _exchange(kind: str, request: str) -> Exchange | None:
    if kind == "dns":
        return _dns(request or _ROOT_NS)
    if kind == "http":
        return _HTTPS if request.lower().startswith("https:") else _HTTP
    return _FIXED.get(kind)


def _dns(request: str) -> Exchange:
    """Query and answer after RFC 1035 with EDNS(0); the answer is as long as such ones are."""
    name = request.split()[0].rstrip(".") if request.split() else ""
    question = (len(name) + 2 if name else 1) + _DNS_TYPE_AND_CLASS
    query = 12 + question + _DNS_EDNS_BYTES
    # The root has 13 name servers; any other name about two records of 16 to 28 bytes.
    records = 200 if not name else 2 * 28
    return Exchange(2, 2 * UDP_HEADER + query + query + records, is_exact=False)


def _ip_header(address: str) -> tuple[int, bool]:
    """The length of the header, and whether the address says so itself."""
    if ":" in address:
        return IPV6_HEADER, True
    if address.replace(".", "").isdigit():
        return IPV4_HEADER, True
    return IPV6_HEADER, False
