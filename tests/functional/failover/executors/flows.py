"""UDP flows from a host behind the branch: who is answered, and which source ``hq`` sees."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time

from tests.lab.namespaces import Namespace

PORT = 7007


class Echo:
    """Answers every datagram with the address it came from, in the namespace of ``space``."""

    def __init__(self, space: Namespace, address: str) -> None:
        with space.inside():
            inet = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._socket = socket.socket(inet, socket.SOCK_DGRAM)
            self._socket.bind((address, PORT))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._answer, name="echo")
        self._thread.start()

    def _answer(self) -> None:
        while not self._ending.is_set():
            if not select.select([self._socket], [], [], 0.05)[0]:
                continue
            _, sender = self._socket.recvfrom(512)
            with contextlib.suppress(OSError):  # its way back may just be gone
                self._socket.sendto(str(sender[0]).encode(), sender)

    def close(self) -> None:
        """End the thread and close the socket."""
        self._ending.set()
        self._thread.join()
        self._socket.close()


class Flow:
    """One flow with a port of its own, as long as it is not closed."""

    def __init__(self, lan: Namespace, target: str) -> None:
        with lan.inside():
            inet = socket.AF_INET6 if ":" in target else socket.AF_INET
            self._socket = socket.socket(inet, socket.SOCK_DGRAM)
            self._socket.connect((target, PORT))
            self._socket.setblocking(False)

    def send(self) -> None:
        """Ask, and do not wait."""
        self._socket.send(b"?")

    def ask(self, wait_secs: float = 0.5) -> str:
        """The source that ``hq`` saw, or "" when no answer came in time."""
        self.answers()
        self.send()
        ready, _, _ = select.select([self._socket], [], [], wait_secs)
        return self._socket.recv(64).decode() if ready else ""

    def ask_until_answered(self, secs: float) -> tuple[str, float]:
        """Ask each millisecond; the first answer and how long it took, or "" after ``secs``."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < secs:
            answer = self.ask(0.001)
            if answer:
                return answer, passed
        return "", secs

    def answers(self) -> list[str]:
        """What has come and was not taken yet."""
        come: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                come.append(self._socket.recv(64).decode())
        return come

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
