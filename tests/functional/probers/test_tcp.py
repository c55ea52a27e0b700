"""TCP handshakes with real servers: accepting, refusing, silent, and gone at once."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Reply, SendError, WireTarget
from health.probers.tcp import TcpProber
from tests.functional.probers.servers import (
    MS,
    SECOND,
    closed_port,
    collect,
    open_files,
    reset,
    silent_tcp_port,
    tcp_server,
    until,
)

TIME_WAIT = "06"


@pytest.fixture
def tcp() -> Iterator[Callable[..., TcpProber]]:
    """Makes probers that are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(**options: int) -> TcpProber:
            prober = TcpProber(**options)
            stack.callback(prober.close)
            return prober

        yield make


def keep(connection: socket.socket) -> None:
    """Wait until the other side closes."""
    connection.recv(1)


def send(prober: TcpProber, target: WireTarget, timeout_ns: int = 5 * SECOND) -> int:
    return prober.send(prober.prepare(target), timeout_ns)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_accepts_answers_with_the_time_of_the_handshake(tcp, host):
    prober = tcp()
    with tcp_server(keep, host) as port:
        lane = prober.prepare(WireTarget(host, port))
        ids = [prober.send(lane, SECOND) for _ in range(20)]
        replies = collect(prober, 20)
    assert sorted(reply.probe_id for reply in replies) == ids
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert all(0 < reply.rtt_ns < SECOND for reply in replies)


def test_looking_late_does_not_lengthen_the_time(tcp):
    prober = tcp()
    with tcp_server(keep) as port:
        send(prober, WireTarget("127.0.0.1", port))
        time.sleep(0.3)
        (reply,) = prober.receive()
    assert reply.rtt_ns < 200 * MS


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_closed_port_is_a_loss_with_its_reason(tcp, host):
    prober, port = tcp(), closed_port()
    probe_id = send(prober, WireTarget(host, port))
    detail = f"connection refused by {host} port {port}"
    assert collect(prober, 1) == [Reply(probe_id, Outcome.REFUSED, None, detail)]


def test_silence_is_not_reported_and_forgetting_closes_the_connection(tcp):
    prober = tcp()
    with silent_tcp_port() as (port, _listener):
        before = open_files()
        probe_id = send(prober, WireTarget("127.0.0.1", port))
        assert open_files() == before + 1
        assert collect(prober, 1, 0.1) == []
        prober.forget(probe_id)
        assert open_files() == before
        prober.forget(probe_id)


def test_a_connection_that_nobody_forgets_is_closed_all_the_same(tcp):
    prober = tcp()
    with silent_tcp_port() as (port, _listener):
        before = open_files()
        send(prober, WireTarget("127.0.0.1", port), MS)
        assert until(lambda: not prober.receive() and open_files() == before)


def test_a_lost_first_packet_is_a_loss_though_a_repeated_one_was_answered(tcp):
    prober = tcp()
    with silent_tcp_port() as (port, listener):
        probe_id = send(prober, WireTarget("127.0.0.1", port))
        assert prober.receive() == []
        listener.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while True:
                listener.accept()[0].close()
        (reply,) = collect(prober, 1)
    detail = f"the first SYN to 127.0.0.1 port {port} was lost, a repeated one was answered"
    assert reply == Reply(probe_id, Outcome.LOST, None, detail)


@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["FIN", "RST"])
def test_a_server_that_closes_at_once_has_answered(tcp, leave):
    prober = tcp()
    with tcp_server(leave) as port:
        send(prober, WireTarget("127.0.0.1", port))
        time.sleep(0.05)
        (reply,) = collect(prober, 1)
    assert reply.outcome is Outcome.ANSWERED
    assert reply.rtt_ns > 0


def test_the_connection_ends_by_a_reset_and_leaves_no_state(tcp):
    ends: list[str] = []

    def watch(connection: socket.socket) -> None:
        try:
            connection.recv(1)
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")

    prober = tcp()
    with tcp_server(watch) as port:
        send(prober, WireTarget("127.0.0.1", port))
        collect(prober, 1)
        assert until(lambda: bool(ends))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    mine = [row for row in rows if f":{port:04X}" in (row[1][8:], row[2][8:])]
    assert ends == ["reset"]
    assert not [row for row in mine if row[3] == TIME_WAIT]


def test_the_source_address_is_the_one_that_was_asked_for(tcp):
    sources: list[str] = []
    prober = tcp()
    with tcp_server(lambda connection: sources.append(connection.getpeername()[0])) as port:
        for _ in range(50):
            send(prober, WireTarget("127.0.0.1", port, source="127.0.0.9"))
        collect(prober, 50)
        until(lambda: len(sources) >= 1)
    assert set(sources) == {"127.0.0.9"}


def test_a_time_beyond_the_timeout_is_late_and_not_an_answer(tcp):
    prober = tcp()
    with tcp_server(keep) as port:
        send(prober, WireTarget("127.0.0.1", port), timeout_ns=1)
        assert until(lambda: not prober.receive() and bool(prober.rejected))
    assert prober.rejected == {Rejection.LATE: 1}


def test_more_connections_than_allowed_are_an_own_fault_until_one_ends(tcp):
    prober = tcp(most_connections=3)
    with silent_tcp_port() as (port, _listener):
        lane = prober.prepare(WireTarget("127.0.0.1", port))
        first, *_ = [prober.send(lane, SECOND) for _ in range(3)]
        with pytest.raises(SendError, match="3 connections are under way") as refusal:
            prober.send(lane, SECOND)
        assert refusal.value.outcome is Outcome.CONGESTED
        prober.forget(first)
        prober.send(lane, SECOND)


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        (WireTarget("127.0.0.1", 443, interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("127.0.0.1", 443, source="192.0.2.77"), Outcome.MISCONFIGURED, "192.0.2.77"),
        (WireTarget("127.0.0.1", 443, source="::1"), Outcome.MISCONFIGURED, "::1"),
        (WireTarget("router.example", 443), Outcome.MISCONFIGURED, "resolve the name"),
        (WireTarget("127.0.0.1"), Outcome.MISCONFIGURED, "port 0"),
        (WireTarget("127.0.0.1", 70_000), Outcome.MISCONFIGURED, "port 70000"),
    ],
)
def test_a_probe_that_cannot_leave_says_whose_fault_it_is_and_leaves_nothing_open(
    tcp, target, outcome, words
):
    prober = tcp()
    before = open_files()
    with pytest.raises(SendError, match=words) as refusal:
        send(prober, target)
    assert refusal.value.outcome is outcome
    assert open_files() == before


def test_ten_thousand_probes_leave_no_file_open(tcp):
    prober, refusing = tcp(), WireTarget("127.0.0.1", closed_port())
    with (
        silent_tcp_port() as (silent_port, _listener),
        socket.create_server(("127.0.0.1", 0), backlog=100) as server,
    ):
        answering = WireTarget("127.0.0.1", server.getsockname()[1])
        lanes = [prober.prepare(answering), prober.prepare(refusing)]
        silent = prober.prepare(WireTarget("127.0.0.1", silent_port))
        before, ended = open_files(), 0
        for _ in range(100):
            ids = [prober.send(lanes[n % 2], SECOND) for n in range(80)]
            forgotten = [prober.send(silent, SECOND) for _ in range(20)]
            ended += len(collect(prober, len(ids)))
            for probe_id in forgotten:
                prober.forget(probe_id)
            for _ in range(40):
                server.accept()[0].close()
        assert open_files() == before
    assert ended == 8_000


def test_closing_ends_everything_and_may_be_repeated(tcp):
    before = open_files()
    prober = TcpProber()
    with silent_tcp_port() as (port, _listener):
        send(prober, WireTarget("127.0.0.1", port))
        prober.close()
        prober.close()
    assert open_files() == before
