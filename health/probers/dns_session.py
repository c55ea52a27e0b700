"""One UDP socket towards name servers, and which of its queries are under way.

Decides which answer belongs to which query; builds and reads no messages.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from health.domain.measurement import Outcome, Rejection
from health.probers.base import SendError
from health.probers.bound_socket import Attachment, open_bound
from health.probers.slots import REMEMBER_NS, Peer
from health.probers.socket_options import stamp_arrivals, widen_receive_buffer

if TYPE_CHECKING:
    from health.probers.dns_message import ExpectedText
    from health.probers.dns_packet import Query

MAX_IDS = 49_152
"""Ids under way or remembered, of 65,536: enough stay free to be found by chance."""


class Asking(NamedTuple):
    """A query under way: which probe, where to, and when it left (ns)."""

    probe_id: int
    ident: int
    question: bytes
    peer: Peer
    wall_ns: int
    mono_ns: int
    timeout_ns: int
    expected: ExpectedText | None


class _Settled(NamedTuple):
    rejection: Rejection
    question: bytes
    peer: Peer
    at_ns: int


class DnsSession:
    """A socket, the queries under way on it, and those settled in the last ten seconds.

    Ids are random, and none is used again while an answer to its former query
    could still arrive.
    """

    def __init__(self, where: Attachment) -> None:
        self.where = where
        self.lanes = 0
        self.waiting: dict[int, Asking] = {}
        self.sock = _open(where)
        self._settled: dict[int, _Settled] = {}

    def claim(self, query: Query, now_ns: int) -> tuple[int, bytes]:
        """A free id and a spelling of the question, both unpredictable.

        Raises ``SendError`` (congested) when nearly all ids are taken.
        """
        self._forget_old(now_ns)
        if len(self.waiting) + len(self._settled) >= MAX_IDS:
            raise SendError(
                Outcome.CONGESTED,
                f"{MAX_IDS} DNS queries are under way or were in the last 10 s: "
                "use longer intervals",
            )
        while True:
            token = int.from_bytes(os.urandom(8), "big")
            ident = token & 0xFFFF
            if ident not in self.waiting and ident not in self._settled:
                return ident, query.with_case(token >> 16)

    def settle(self, asking: Asking, rejection: Rejection, now_ns: int) -> None:
        """The query has ended; a further answer to it is ``rejection``."""
        del self.waiting[asking.ident]
        self._settled[asking.ident] = _Settled(rejection, asking.question, asking.peer, now_ns)

    def explain(self, ident: int, question: bytes, peer: Peer, now_ns: int) -> Rejection:
        """Why a well-formed answer belongs to no query under way."""
        settled = self._settled.get(ident)
        if settled is None or settled.peer != peer or now_ns - settled.at_ns > REMEMBER_NS:
            return Rejection.FOREIGN
        return settled.rejection if question.startswith(settled.question) else Rejection.FOREIGN

    def reopen(self) -> None:
        """A new socket: the interface was made anew. Raises ``OSError``; answers are lost."""
        sock = _open(self.where)
        self.sock.close()
        self.sock = sock

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _forget_old(self, now_ns: int) -> None:
        while self._settled:
            ident = next(iter(self._settled))
            if now_ns - self._settled[ident].at_ns <= REMEMBER_NS:
                return
            del self._settled[ident]


def _open(where: Attachment) -> socket.socket:
    sock = open_bound(socket.SOCK_DGRAM, where)
    try:
        widen_receive_buffer(sock)
        stamp_arrivals(sock)
    except OSError:
        sock.close()
        raise
    return sock
