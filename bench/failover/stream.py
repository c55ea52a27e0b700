"""A stream of numbered packets at a given rate, and who missed which; one process per end.

``python -m bench.failover.stream send|receive …`` inside a namespace. The receiver writes the
numbers that never came, with the time at which the gap was seen. No routing enters.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NUMBER = struct.Struct("!Qd")
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 32 << 20
PORT = 7070
LAST = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Received:
    """What came: how many packets, and of each one missing the time at which it was sent."""

    packets: int
    sent: int
    missing_at: tuple[float, ...]

    def near(self, moments: list[float], within_secs: float) -> int:
        """How many missing packets were sent within ``within_secs`` of one of ``moments``."""
        return sum(any(abs(at - one) <= within_secs for one in moments) for at in self.missing_at)


def send(target: str, rate: int, secs: float) -> None:
    """``rate`` packets a second on a socket that is never connected: each asks for its route."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    step = 1.0 / rate
    began = time.monotonic()
    number = 0
    while (now := time.monotonic()) < began + secs:
        due = int((now - began) / step) + 1
        for _ in range(due - number):
            with suppress(OSError):  # refused for want of a route: the receiver will miss it
                sender.sendto(_NUMBER.pack(number, time.monotonic()), (target, PORT))
            number += 1
        time.sleep(max(0.0, began + number * step - time.monotonic()))
    time.sleep(0.3)  # what is on its way overtakes nothing
    sender.sendto(_NUMBER.pack(LAST, float(number)), (target, PORT))


def receive(address: str, path: Path) -> None:
    """Until the sender's last packet: what came, and what is missing."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    receiver.settimeout(20)
    receiver.bind((address, PORT))
    times: dict[int, float] = {}
    print("ready", flush=True)
    while True:
        number, at = _NUMBER.unpack(receiver.recv(64))
        if number == LAST:
            break
        times[number] = at
    sent = int(at)
    missing = [_sent_about(times, number) for number in range(sent) if number not in times]
    path.write_text(json.dumps({"packets": len(times), "sent": sent, "missing_at": missing}))


def _sent_about(times: dict[int, float], number: int) -> float:
    """When the last packet before ``number`` that came was sent."""
    while number >= 0 and number not in times:
        number -= 1
    return times.get(number, 0.0)


def result(path: Path) -> Received:
    """What the receiver wrote."""
    stored = json.loads(path.read_text())
    return Received(stored["packets"], stored["sent"], tuple(stored["missing_at"]))


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        receive(sys.argv[2], Path(sys.argv[3]))
