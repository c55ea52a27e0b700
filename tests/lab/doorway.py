"""A way from this host's loopback to a server inside a namespace, for a browser.

A socket belongs to the namespace in which it was made: connections are taken here and carried
on by sockets made there. No interface, address or route of the host changes.
"""

from __future__ import annotations

import select
import socket
import socketserver
import threading

from tests.lab.namespaces import Namespace

_LOOPBACK = "127.0.0.1"
_CHUNK = 65_536


class Doorway(socketserver.ThreadingTCPServer):
    """127.0.0.1:``port`` of this host is 127.0.0.1:``port`` of ``inside``; until ``close()``."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, inside: Namespace, port: int) -> None:
        self.inside = inside
        self.port = port
        super().__init__((_LOOPBACK, port), _Visit)
        self._thread = threading.Thread(target=self.serve_forever, name="doorway", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Visit(socketserver.BaseRequestHandler):
    """One connection, in a thread of its own; ends with either side."""

    def handle(self) -> None:
        doorway = self.server
        assert isinstance(doorway, Doorway)
        try:
            with doorway.inside.inside():
                server = socket.create_connection((_LOOPBACK, doorway.port), timeout=5)
        except OSError:
            return  # nobody listens yet: the browser sees a connection that was closed
        with server:
            self._carry(server)

    def _carry(self, server: socket.socket) -> None:
        visitor: socket.socket = self.request
        other = {visitor: server, server: visitor}
        while True:
            readable, _, _ = select.select([visitor, server], [], [])
            for side in readable:
                try:
                    data = side.recv(_CHUNK)
                    other[side].sendall(data)
                except OSError:
                    return
                if not data:
                    return
