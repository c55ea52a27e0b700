"""Servers in threads, on ports that the kernel chooses, that answer as a test wants them to.

What is left of them is closed at the end of the test; nothing here judges a prober.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from health.probers.base import Prober, Reply

SECOND = 1_000_000_000
MS = 1_000_000

Serve = Callable[[socket.socket], None]
"""What a server does with one connection, in a thread of its own."""
Answer = Callable[[bytes], list[bytes]]
"""The datagrams that answer a datagram."""


def collect(prober: Prober, wanted: int, patience_secs: float = 5.0) -> list[Reply]:
    """The first ``wanted`` replies, or fewer when patience ends."""
    replies: list[Reply] = []
    deadline = time.monotonic() + patience_secs
    while len(replies) < wanted and time.monotonic() < deadline:
        replies += prober.receive()
        time.sleep(0.001)
    return replies


def until(condition: Callable[[], bool], patience_secs: float = 5.0) -> bool:
    """Wait until the condition holds; False when patience ends."""
    deadline = time.monotonic() + patience_secs
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    return condition()


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.contextmanager
def tcp_server(serve: Serve, host: str = "127.0.0.1") -> Iterator[int]:
    """Accepts connections and gives each to ``serve``; yields the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    stopping, threads = threading.Event(), []
    with socket.create_server((host, 0), family=family, backlog=512) as listener:
        listener.settimeout(0.05)

        def run(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                serve(connection)

        def accept() -> None:
            while not stopping.is_set():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    connection, _peer = listener.accept()
                    threads.append(threading.Thread(target=run, args=(connection,)))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopping.set()
            acceptor.join()
            for thread in threads:
                thread.join()


@contextlib.contextmanager
def silent_tcp_port() -> Iterator[tuple[int, socket.socket]]:
    """A port whose queue is full, so that the kernel drops every SYN; and its listener."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port, listener


@contextlib.contextmanager
def udp_server(answer: Answer, host: str = "127.0.0.1") -> Iterator[int]:
    """Sends what ``answer`` makes of each datagram; yields the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    stopping = threading.Event()
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.settimeout(0.05)

        def run() -> None:
            while not stopping.is_set():
                with contextlib.suppress(TimeoutError, ConnectionError):
                    data, sender = sock.recvfrom(4096)
                    for datagram in answer(data):
                        sock.sendto(datagram, sender)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            stopping.set()
            thread.join()


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
    connection.close()


def closed_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback where nobody listens (below the range that the kernel hands out)."""
    for port in range(1024 + os.getpid() % 8000, 32_000):
        with socket.socket(socket.AF_INET, kind) as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
