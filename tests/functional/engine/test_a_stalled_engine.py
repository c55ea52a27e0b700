"""A process that was stopped or starved blames itself, and does not make up for lost time."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from health.probers.socket_options import SO_RCVBUFFORCE, SO_TIMESTAMPNS
from tests.functional.engine.running import Place, failures, running

pytestmark = pytest.mark.root

PATHS = 50
INTERVAL_MS = 200
BUCKETS_PER_SEC = 10
STOP_SECS = 3.0
HOGS = 3
HOG_SECS = 4
HOG = "import sys,time\nend=time.monotonic()+float(sys.argv[1])\nwhile time.monotonic()<end: pass"


class Tap:
    """Counts the echo requests that arrive at 127.0.0.0/8, by tenth of a second."""

    def __init__(self, place: Place) -> None:
        self.counts: Counter[int] = Counter()
        with place.vantage.inside():
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self._sock.settimeout(0.1)
        self._ended = False
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while not self._ended:
            try:
                packet, ancillary, _, _ = self._sock.recvmsg(2048, 64)
            except TimeoutError:
                continue
            if packet[20] == 8:
                seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
                tenths = nanoseconds * BUCKETS_PER_SEC // 1_000_000_000
                self.counts[seconds * BUCKETS_PER_SEC + tenths] += 1

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._sock.close()


@contextmanager
def tapping(place: Place) -> Iterator[Tap]:
    tap = Tap(place)
    try:
        yield tap
    finally:
        tap.close()


def local_paths(count: int) -> dict[str, object]:
    """Paths to addresses that always answer, each to one of its own."""
    return {
        "paths": [
            {"key": key, "address": f"127.0.1.{key}", "interval_ms": INTERVAL_MS}
            for key in range(1, count + 1)
        ]
    }


def test_a_stopped_process_books_no_loss_and_sends_no_burst_when_it_goes_on(place: Place) -> None:
    with tapping(place) as tap, running(place.vantage, local_paths(PATHS)) as engine:
        before = engine.until_all("up")
        for _ in range(2):
            engine.stop_for(STOP_SECS)
            after = engine.run_for(3)
        end = engine.end()
    assert failures(end) == {}
    assert {path["status"] for path in after["paths"].values()} == {"up"}
    missed_per_stop = PATHS * STOP_SECS * 1000 / INTERVAL_MS
    assert after["stalls"] - before["stalls"] == 2
    assert 0.8 * missed_per_stop < (after["overruns"] - before["overruns"]) / 2
    steady = PATHS * 1000 / INTERVAL_MS / BUCKETS_PER_SEC
    # Phases are random, and a busy machine adds to it; what was missed would be thirty times
    # as much.
    assert max(tap.counts.values()) < 5 * steady
    assert sum(tap.counts.values()) == end["sent"]


def test_a_starved_process_books_no_loss(place: Place) -> None:
    with running(place.vantage, local_paths(PATHS)) as engine:
        engine.until_all("up")
        hogs = [subprocess.Popen([sys.executable, "-c", HOG, str(HOG_SECS)]) for _ in range(HOGS)]
        try:
            engine.run_for(HOG_SECS)
        finally:
            for hog in hogs:
                hog.wait(10 * HOG_SECS)
        last = engine.run_for(2)
        end = engine.end()
    assert failures(end) == {}
    assert {path["status"] for path in last["paths"].values()} == {"up"}


def test_answers_that_lay_in_the_socket_during_a_stop_count(place: Place) -> None:
    with running(
        place.vantage,
        {"paths": [{"key": 1, "address": "127.0.0.1", "interval_ms": 10, "timeout_ms": 1000}]},
    ) as engine:
        engine.until_all("up")
        for _ in range(10):
            engine.stop_for(0.2)
            time.sleep(0.05)
        engine.run_for(2)
        end = engine.end()
    assert failures(end) == {}
    assert end["paths"]["1"]["max_ms"] < 150  # the kernel's stamp, not the time of reading
