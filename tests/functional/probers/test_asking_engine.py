"""The engine measures paths by tcp, dns and http side by side, with real servers."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.engine.loop import ProbeEngine
from health.probers import PROBERS
from tests.functional.probers.servers import closed_port, open_files, tcp_server, udp_server

KINDS = ("tcp", "dns", "http")
TIMING = ProbeTiming(interval_ms=100, timeout_ms=1_000, burst_ms=50, hold_ms=500)


def path(key: int, kind: str, port: int) -> PathSpec:
    target = TargetSpec(key, "127.0.0.1", port)
    return PathSpec(key, f"uid-{key}", f"path {key}", kind, (target,), 1, TIMING, SlaLimits())


def serve_page(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def engine():
    """An engine with the real probers of these kinds, all closed afterwards."""
    with contextlib.ExitStack() as stack:
        probers = {kind: PROBERS[kind].make() for kind in KINDS}
        for prober in probers.values():
            stack.callback(prober.close)
        yield ProbeEngine(probers)


def test_living_targets_answer_every_probe_and_closed_ports_say_why_not(engine):
    with (
        tcp_server(serve_page) as page,
        udp_server(lambda query: [query[:2] + b"\x80\x00" + query[4:]]) as names,
    ):
        ports = {"tcp": page, "dns": names, "http": page}
        alive = [path(number, kind, ports[kind]) for number, kind in enumerate(KINDS, 1)]
        dead = [
            path(
                number,
                kind,
                closed_port(socket.SOCK_DGRAM if kind == "dns" else socket.SOCK_STREAM),
            )
            for number, kind in enumerate(KINDS, 11)
        ]
        engine.configure([*alive, *dead])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            engine.turn()
            readings = engine.readings
            if len(readings) == 6 and all(r.received >= 12 for k, r in readings.items() if k < 10):
                break
        living = [engine.readings[spec.key] for spec in alive]
        lost = [engine.readings[spec.key] for spec in dead]
        engine.configure([])
    assert [reading.reachable for reading in living] == [True] * 3
    assert [reading.packet_loss_pct for reading in living] == [0] * 3
    assert all(0 < reading.latency_ms < 1_000 for reading in living)
    assert [reading.reachable for reading in lost] == [False] * 3
    details = [reading.targets[0].detail for reading in lost]
    assert details[0].startswith("connection refused by 127.0.0.1")
    assert details[1] == "Destination port unreachable from 127.0.0.1"
    assert details[2].startswith("connection refused by 127.0.0.1")


def test_paths_that_are_taken_away_leave_no_file_open(engine):
    before = open_files()
    with tcp_server(serve_page) as page:
        engine.configure([path(number, kind, page) for number, kind in enumerate(KINDS, 1)])
        deadline = time.monotonic() + 10
        while engine.sent_total < 10 and time.monotonic() < deadline:
            engine.turn()
        engine.configure([])
        while open_files() > before + 1 and time.monotonic() < deadline:  # the server's own
            engine.turn()
    assert engine.sent_total >= 10
    assert open_files() == before
