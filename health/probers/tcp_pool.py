"""The connections that are under way: how many there may be, and which must be dropped.

Generic over what a kind keeps of a connection. Opens none and judges none.
"""

from __future__ import annotations

import heapq
import itertools
import resource
import select
import socket
from typing import Generic, Protocol, TypeVar

from health.domain.measurement import Outcome
from health.probers.base import SendError

MOST = 4096
_SHARE_OF_FILES = 4
"""A prober takes at most a quarter of the files this process may open: others need some."""


class Pooled(Protocol):
    """What the pool must know of a connection."""

    sock: socket.socket
    probe_id: int


C = TypeVar("C", bound=Pooled)


class ConnectionPool(Generic[C]):
    """Connections by probe id, watched by one epoll, with a deadline each."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most or min(MOST, _open_files_limit() // _SHARE_OF_FILES)
        self.epoll = select.epoll()
        self._by_id: dict[int, C] = {}
        self._by_fd: dict[int, C] = {}
        self._deadlines: list[tuple[int, int]] = []
        self._ids = itertools.count()

    def __len__(self) -> int:
        return len(self._by_id)

    def new_id(self) -> int:
        """A probe id; raises ``SendError`` (congested) when no connection is free."""
        if len(self._by_id) >= self.most:
            raise SendError(
                Outcome.CONGESTED,
                f"{self.most} connections are under way, the most this process may have: "
                "use longer intervals, shorter timeouts, or a higher LimitNOFILE",
            )
        return next(self._ids)

    def add(self, connection: C, deadline_ns: int, events: int) -> None:
        """Watch the connection until it is dropped, at the latest at its monotonic deadline."""
        fileno = connection.sock.fileno()
        self._by_id[connection.probe_id] = connection
        self._by_fd[fileno] = connection
        heapq.heappush(self._deadlines, (deadline_ns, connection.probe_id))
        self.epoll.register(fileno, events)

    def ready(self) -> list[tuple[C, int]]:
        """The connections that something has happened to, with their epoll events."""
        if not self._by_id:
            return []
        by_fd = self._by_fd
        return [(by_fd[fileno], events) for fileno, events in self.epoll.poll(0)]

    def overdue(self, now_ns: int) -> list[C]:
        """The connections whose deadline has passed; each is returned once."""
        found: list[C] = []
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now_ns:
            connection = self._by_id.get(heapq.heappop(deadlines)[1])
            if connection is not None:
                found.append(connection)
        return found

    def drop(self, probe_id: int) -> None:
        """Close a connection; unknown ids are ignored."""
        connection = self._by_id.pop(probe_id, None)
        if connection is not None:
            fileno = connection.sock.fileno()
            del self._by_fd[fileno]
            # A forked child may hold a copy of the socket: closing ours would not do.
            self.epoll.unregister(fileno)
            connection.sock.close()

    def close(self) -> None:
        """Close all connections and the epoll. Idempotent."""
        for probe_id in tuple(self._by_id):
            self.drop(probe_id)
        self.epoll.close()


def _open_files_limit() -> int:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST * _SHARE_OF_FILES if soft == resource.RLIM_INFINITY else soft
