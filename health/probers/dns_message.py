"""DNS messages built and read by dnspython; imported only where a name server is asked.

Pure; no sockets.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING

import dns.exception
import dns.message
import dns.name
import dns.rdatatype

from health.probers.dns_packet import HEADER_BYTES, Query, QuestionError

if TYPE_CHECKING:
    from dns.rdata import Rdata

ROOT_QUESTION = ". NS"
"""What is asked by default: every resolver knows the name servers of the root."""
TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")
EDNS_PAYLOAD = 1232
"""Bytes that need no fragments anywhere (dnsflagday.net/2020)."""
MIXED_LETTERS = 48


def parse_question(request: str) -> tuple[dns.name.Name, dns.rdatatype.RdataType]:
    """Name and type of "name" (type A), "name TYPE" or "" (``ROOT_QUESTION``).

    Raises ``QuestionError``.
    """
    words = (request.strip() or ROOT_QUESTION).split()
    if len(words) > 2:
        raise QuestionError(f"{request!r} is no question: write a name, or a name and a type.")
    kind = words[1].upper() if len(words) == 2 else "NS" if words[0] == "." else "A"
    if kind not in TYPES:
        raise QuestionError(f"{words[1]!r} can't be asked for: use one of {', '.join(TYPES)}.")
    try:
        name = dns.name.from_text(words[0])
    except (dns.exception.DNSException, UnicodeError) as error:
        raise QuestionError(f"{words[0]!r} is not a domain name: {error}") from None
    return name, dns.rdatatype.from_text(kind)


def build_query(request: str, *, large_answers: bool) -> Query:
    """The query for ``request``; raises ``QuestionError``.

    ``large_answers`` offers EDNS (RFC 6891), so that answers that will be
    searched for a text are seldom truncated.
    """
    name, kind = parse_question(request)
    edns = 0 if large_answers else False
    wire = dns.message.make_query(name, kind, use_edns=edns, payload=EDNS_PAYLOAD).to_wire()
    end = HEADER_BYTES + len(name.to_wire() or b"") + 4
    question = wire[HEADER_BYTES:end].lower()
    letters = [n for n, byte in enumerate(question[:-4]) if 97 <= byte <= 122]
    return Query(
        name=name.to_text(),
        flags_and_counts=wire[2:HEADER_BYTES],
        question=question[:-4] + wire[end - 4 : end],
        letters=tuple(letters[:MIXED_LETTERS]),
        rest=wire[end:],
    )


class ExpectedText:
    """An address or text that a record of the answer must contain.

    Addresses are compared as addresses, texts without regard to case.
    """

    __slots__ = ("_address", "_folded", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._folded = text.casefold()
        self._address = _address(text)

    def found_in(self, data: bytes) -> bool | None:
        """Whether the answer contains it; None when the message is malformed."""
        try:
            message = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
            texts = [_text(record) for rrset in message.answer for record in rrset]
        except (dns.exception.DNSException, ValueError, struct.error):
            return None
        if self._address is not None:
            return any(_address(text) == self._address for text in texts)
        return any(self._folded in text.casefold() for text in texts)


def _text(record: Rdata) -> str:
    if record.rdtype == dns.rdatatype.TXT:
        return b"".join(record.strings).decode("utf-8", "replace")  # type: ignore[attr-defined]  # of TXT only
    return record.to_text()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
