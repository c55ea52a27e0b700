"""Queries and answers of the ``dns`` kind (RFC 1035) as bytes. Pure; no sockets.

The query of a target is built once (``dns_message``); each probe changes its id
and the case of its letters only. Answers are judged by header and question,
and searched only when a text is expected.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from health.domain.measurement import Outcome

if TYPE_CHECKING:
    from health.probers.dns_message import ExpectedText

HEADER_BYTES = 12

_HEADER = struct.Struct("!HHHHHH")
_RESPONSE, _OPCODE, _TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F
_NO_ERROR, _NXDOMAIN = 0, 3
_REFUSALS = {
    1: "FORMERR from {server}: it does not understand the query",
    2: "SERVFAIL from {server}: it could not find the answer",
    4: "NOTIMP from {server}: it does not support such queries",
    5: "REFUSED from {server}: it does not answer this question for this host",
}


class QuestionError(ValueError):
    """A request is not a question for a name server; the message says the cure."""


class Header(NamedTuple):
    """What the first twelve bytes of an answer say."""

    ident: int
    rcode: int
    truncated: bool
    questions: int


class Query(NamedTuple):
    """The query of a target without id; ``question`` in lower case, ``letters`` its offsets."""

    name: str
    flags_and_counts: bytes
    question: bytes
    letters: tuple[int, ...]
    rest: bytes

    def with_case(self, bits: int) -> bytes:
        """The question with the case of its letters chosen by ``bits``.

        A server repeats it as it came, so a forger has to guess it, too
        (draft-vixie-dnsext-dns0x20).
        """
        question = bytearray(self.question)
        for offset in self.letters:
            if bits & 1:
                question[offset] ^= 0x20
            bits >>= 1
        return bytes(question)

    def packet(self, ident: int, question: bytes) -> bytes:
        """The whole query with this id and this spelling of the question."""
        return ident.to_bytes(2, "big") + self.flags_and_counts + question + self.rest


def read_header(data: bytes) -> Header | None:
    """The header of an answer to a standard query; None for anything else."""
    if len(data) < _HEADER.size:
        return None
    ident, flags, questions, *_ = _HEADER.unpack_from(data)
    if not flags & _RESPONSE or flags & _OPCODE:
        return None
    return Header(ident, flags & _RCODE, bool(flags & _TRUNCATED), questions)


def repeats(data: bytes, header: Header, question: bytes) -> bool:
    """True when the answer is about this very question.

    Servers that could not read the query repeat none; they can only refuse.
    """
    if header.questions == 0:
        return header.rcode in _REFUSALS
    return header.questions == 1 and data.startswith(question, _HEADER.size)


def judge(
    data: bytes, header: Header, expected: ExpectedText | None, server: str
) -> tuple[Outcome, str] | None:
    """Outcome and reason of an answer to our question; None when it can't be read.

    A name that does not exist is an answer: the server lives and the path works.
    """
    if header.rcode not in {_NO_ERROR, _NXDOMAIN}:
        words = _REFUSALS.get(header.rcode, f"response code {header.rcode} from {{server}}")
        return Outcome.REFUSED, words.format(server=server)
    if expected is None:
        return Outcome.ANSWERED, ""
    if header.rcode == _NXDOMAIN:
        return Outcome.REFUSED, f"NXDOMAIN from {server}: the name does not exist"
    found = expected.found_in(data)
    if found is None:
        return None
    if found:
        return Outcome.ANSWERED, ""
    cut = " (it was truncated)" if header.truncated else ""
    return Outcome.REFUSED, f"the answer of {server} does not contain {expected.text!r}{cut}"
