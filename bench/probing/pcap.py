"""Reads what tcpdump captured: echo requests and replies of IPv4 with their wire times.

Only classic pcap with nanoseconds, Ethernet or raw IP. A few dozen lines instead of a
dependency, and independent of the code that is being measured.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_NANOSECOND_MAGIC = 0xA1B23C4D
_LINK_HEADER_BYTES = {1: 14, 101: 0, 12: 0}
_ECHO_REPLY, _ECHO_REQUEST = 0, 8


class Echo(NamedTuple):
    """One captured echo message; ``host`` is the far address, of request and reply alike."""

    at_ns: int
    request: bool
    host: str
    identifier: int
    sequence: int


def read_echoes(file: Path) -> Iterator[Echo]:
    """The echo messages of a capture, in its order."""
    content = file.read_bytes()
    magic, *_, link_type = struct.unpack_from("<IHHiIII", content)
    if magic != _NANOSECOND_MAGIC:
        raise ValueError(f"{file} is no little-endian nanosecond pcap (magic {magic:#x})")
    skip = _LINK_HEADER_BYTES[link_type]
    position = 24
    while position + 16 <= len(content):
        seconds, nanoseconds, captured, _ = struct.unpack_from("<IIII", content, position)
        packet = position + 16 + skip
        position += 16 + captured
        if position > len(content):
            return  # tcpdump was ended in the middle of a record
        header_bytes = (content[packet] & 0x0F) << 2
        icmp_type, _, _, identifier, sequence = struct.unpack_from(
            "!BBHHH", content, packet + header_bytes
        )
        if icmp_type not in (_ECHO_REPLY, _ECHO_REQUEST):
            continue
        request = icmp_type == _ECHO_REQUEST
        address = packet + (16 if request else 12)
        yield Echo(
            seconds * 1_000_000_000 + nanoseconds,
            request,
            socket.inet_ntoa(content[address : address + 4]),
            identifier,
            sequence,
        )


@contextlib.contextmanager
def capture(device: str, file: Path, expression: str = "icmp") -> Iterator[None]:
    """Let tcpdump write the packets of ``device`` to ``file`` with nanoseconds, meanwhile."""
    process = subprocess.Popen(
        ["tcpdump", "-i", device, "-n", "-s", "64", "-B", "65536", "--time-stamp-precision=nano",
         "-Z", "root", "-w", str(file), expression],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        _await_listening(process, device)
        yield
        time.sleep(1.5)  # its ring is handed over once a second
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def _await_listening(process: subprocess.Popen[str], device: str) -> None:
    """tcpdump says "listening on" when it does; before that nothing is captured."""
    told = ""
    while process.stderr is not None and (line := process.stderr.readline()):
        told += line
        if "listening on" in line:
            return
    raise RuntimeError(f"tcpdump does not capture on {device}: {told.strip()}")
