"""Packets that nobody asked for, thousands of them, hide none of the true answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from tests.functional.engine.running import (
    Place,
    RunningEngine,
    failures,
    path_over,
    reflecting,
    running,
)

pytestmark = pytest.mark.root

BURST = 500
BURSTS = 40
STAMP_PORT = 862
ECHO_REPLY = bytes(4) + b"\x00\x00" + bytes(18)  # identifier 0, which nobody takes by chance


def foreign_port(place: Place) -> int:
    """The port of the engine's STAMP socket, found as any user of the host can."""
    rows = place.vantage.shell("cat /proc/net/udp").splitlines()[1:]
    return int(rows[0].split()[1].partition(":")[2], 16)


def flood(place: Place, kind: str, engine: RunningEngine) -> None:
    """From the far end, in bursts with room to breathe: it is the packets that matter."""
    with place.far.inside():
        if kind == "stamp":
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            packet, peer = b"x" * 44, ("10.1.0.1", foreign_port(place))
        else:
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            packet, peer = ECHO_REPLY, ("10.1.0.1", 0)
    with sock:
        for _ in range(BURSTS):
            for _ in range(BURST):
                sock.sendto(packet, peer)
            time.sleep(0.05)
    engine.run_for(2)


@pytest.mark.parametrize("kind", ["icmp", "stamp"])
def test_no_true_answer_is_missed_and_every_foreign_packet_is_accounted_for(
    place: Place, kind: str
) -> None:
    row = path_over(1, kind=kind, port=STAMP_PORT, interval_ms=50)
    with reflecting(place.far), running(place.vantage, {"paths": [row]}) as engine:
        engine.until_all("up")
        flood(place, kind, engine)
        end = engine.end()
    assert failures(end) == {}
    # Echo replies to others are dropped by the filter in the kernel and cost nothing here.
    expected = {} if kind == "icmp" else {"foreign": BURST * BURSTS}
    assert end["rejected"][kind] == expected


FLOOD = """
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ends = time.monotonic() + float(sys.argv[2])
while time.monotonic() < ends:
    for _ in range(1000):
        sock.sendto(b"x" * 44, ("10.1.0.1", int(sys.argv[1])))
"""


def test_answers_that_found_no_room_in_the_socket_are_not_loss(place: Place) -> None:
    """The process is stopped while a flood fills the receive buffer and pushes answers out."""
    row = path_over(1, kind="stamp", port=STAMP_PORT, interval_ms=50)
    with reflecting(place.far), running(place.vantage, {"paths": [row]}) as engine:
        engine.until_all("up")
        flooder = [sys.executable, "-c", FLOOD, str(foreign_port(place)), "4"]
        with subprocess.Popen(["ip", "netns", "exec", place.far.name, *flooder]) as flooding:
            for _ in range(4):
                engine.stop_for(0.4)  # less than what counts as a stall
                time.sleep(0.3)
            flooding.wait(30)
        engine.run_for(2)
        drops = int(place.vantage.shell("tail -n +2 /proc/net/udp").split()[-1])
        end = engine.end()
    assert drops > 0
    assert failures(end) == {}
