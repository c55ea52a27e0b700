"""The floor under every engine in Python: sendto, recvmsg, and nothing between them.

``python -m bench.probing.system_calls`` probes the addresses it reads from standard input,
paced evenly, over one raw socket like the engine's. It remembers no probe, judges no answer
and keeps no history: what it costs no engine of this language on this machine can undercut.
Only the packets' bytes and the socket are the product's own.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import sys
import time

from health.probers.icmp_identifiers import ANYWHERE
from health.probers.icmp_packet import EchoBuilder
from health.probers.icmp_socket import open_echo_socket

TICK_SECS = 0.005
SENDS_BETWEEN_READS = 64
_BUFFER_BYTES, _ANCILLARY_BYTES = 448, 64


def main() -> None:
    """Run as the options say and print one JSON object: CPU seconds, sent, received."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--interval-ms", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    peers = [(address, 0) for address in sys.stdin.read().split()]
    opened = open_echo_socket(socket.AF_INET)
    builder = EchoBuilder(opened.identifiers.take(ANYWHERE))
    before = resource.getrusage(resource.RUSAGE_SELF)
    sent = received = 0
    began = time.monotonic()
    total = int(len(peers) * options.seconds * 1000 / options.interval_ms)
    per_second = len(peers) * 1000 / options.interval_ms
    while sent < total:
        due = min(total, int((time.monotonic() - began) * per_second))
        for number in range(sent, due):
            request = builder.request(number & 0xFFFF, number)
            opened.sock.sendto(request, peers[number % len(peers)])
            if number % SENDS_BETWEEN_READS == 0:
                received += _read(opened.sock)
        sent = max(sent, due)
        received += _read(opened.sock)
        time.sleep(TICK_SECS)
    received += _read(opened.sock)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_secs = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(json.dumps({"cpu_secs": cpu_secs, "sent": sent, "received": received}))


def _read(sock: socket.socket) -> int:
    count = 0
    while True:
        try:
            sock.recvmsg(_BUFFER_BYTES, _ANCILLARY_BYTES)
        except BlockingIOError:
            return count
        count += 1


if __name__ == "__main__":
    main()
