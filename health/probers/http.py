"""The ``http`` kind: fetch a URL over a connection of its own and judge the answer.

One probe is in ``http_exchange``; this file watches all that are under way.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Lane, Reply, SendError, WireTarget
from health.probers.bound_socket import endpoint
from health.probers.http_exchange import HttpExchange, HttpLane
from health.probers.http_request import UrlError, parse_url, url_of
from health.probers.http_response import Expected
from health.probers.http_tls import system_context
from health.probers.rtt_clock import RttClock
from health.probers.socket_options import stamp_arrivals
from health.probers.tcp_connect import Ending, Way, begin
from health.probers.tcp_pool import ConnectionPool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

EARLY_NS = 5_000_000
"""A probe ends so long before its timeout (at most a tenth): or its reason would not be heard."""
OWN_SHARE = 10
"""A probe that ran out of time is void when this process took a tenth of it."""


class HttpProber:
    """GET requests over IPv4 and IPv6, each over a new connection, without redirects."""

    kind = "http"

    def __init__(
        self,
        clock: RttClock | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        most_connections: int | None = None,
    ) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._tls = tls
        self._pool: ConnectionPool[HttpExchange] = ConnectionPool(most_connections)

    def sockets(self) -> Sequence[Any]:
        """One epoll that is readable whenever a probe can go on; it has a fileno, too.

        A connection must be written to as soon as it stands, which waiting for
        sockets to become readable would miss.
        """
        return (self._pool.epoll,)

    def prepare(self, target: WireTarget) -> Lane:
        """Take the URL apart; raises ``SendError``.

        A URL says scheme, host name and port; the address says where to connect.
        """
        try:
            url = parse_url(target.request) if target.request else url_of(*target[:2])
        except UrlError as error:
            raise SendError(Outcome.MISCONFIGURED, str(error)) from error
        if url.secure and self._tls is None:
            self._tls = system_context()
        way = Way(target, *endpoint(target, url.port))
        expected = Expected(target.expected_status, target.expected_text.encode())
        return HttpLane(way, url, expected, self._tls if url.secure else None)

    def release(self, lane: Lane) -> None:
        """Nothing to close: probes under way end by themselves."""

    def send(self, lane: HttpLane, timeout_ns: int) -> int:
        """Begin to fetch and return the probe id; raises ``SendError``."""
        probe_id = self._pool.new_id()
        early_ns = min(EARLY_NS, timeout_ns // 10)
        deadline_ns = self._clock.monotonic_ns() + timeout_ns - early_ns
        sock, ending = begin(lane.way)
        exchange = HttpExchange(sock, lane, probe_id, self._clock)
        stamp_arrivals(sock)
        exchange.ending = ending
        exchange.timeout_ns = timeout_ns
        self._pool.add(exchange, deadline_ns, exchange.events)
        return probe_id

    def receive(self) -> list[Reply]:
        """Move on whatever can be, and tell what has ended; never blocks."""
        replies: list[Reply] = []
        for exchange, _events in self._pool.ready():
            before = exchange.events
            verdict = exchange.go_on()
            if verdict is not None:
                self._end(exchange, verdict, replies)
            elif exchange.events != before:
                self._pool.epoll.modify(exchange.sock, exchange.events)
        for exchange in self._pool.overdue(self._clock.monotonic_ns()):
            replies.append(_out_of_time(exchange))
            self._pool.drop(exchange.probe_id)
        return replies

    def dropped(self) -> int:
        """None: nothing is lost in a receive buffer here."""
        return 0

    def forget(self, probe_id: int) -> None:
        """Give the probe up and close its connection."""
        self._pool.drop(probe_id)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._pool.close()

    def _end(self, exchange: HttpExchange, verdict: Ending, replies: list[Reply]) -> None:
        self._pool.drop(exchange.probe_id)
        rtt_ns = exchange.rtt_ns if verdict.outcome is Outcome.ANSWERED else None
        if rtt_ns is not None and rtt_ns > exchange.timeout_ns:
            self.rejected[Rejection.LATE] += 1
            return
        replies.append(Reply(exchange.probe_id, verdict.outcome, rtt_ns, verdict.detail))


def _out_of_time(exchange: HttpExchange) -> Reply:
    """Lost, unless this process was late: then nothing is known of the path."""
    timeout_ms = exchange.timeout_ns / 1e6
    if exchange.own_ns * OWN_SHARE > exchange.timeout_ns:
        detail = f"this process was late by {exchange.own_ns / 1e6:.0f} ms of {timeout_ms:.0f} ms"
        return Reply(exchange.probe_id, Outcome.VOID, None, detail)
    detail = f"no answer within {timeout_ms:.0f} ms: waited for {exchange.doing}"
    return Reply(exchange.probe_id, Outcome.LOST, None, detail)
