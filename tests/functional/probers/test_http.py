"""HTTP probes against servers that answer well, slowly, wrongly, too much, or not at all."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import SendError, WireTarget
from health.probers.http import HttpProber
from tests.functional.probers.servers import (
    MS,
    SECOND,
    Serve,
    closed_port,
    collect,
    open_files,
    reset,
    silent_tcp_port,
    tcp_server,
    until,
)


@pytest.fixture
def http() -> Iterator[Callable[..., HttpProber]]:
    """Makes probers that are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(**options: int) -> HttpProber:
            prober = HttpProber(**options)
            stack.callback(prober.close)
            return prober

        yield make


def replying(*pieces: bytes, status: bytes = b"200 OK", pause: float = 0) -> Serve:
    """Reads the request's head and sends an answer in pieces, then closes."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 %b\r\n\r\n" % status)
        for piece in pieces:
            time.sleep(pause)
            connection.sendall(piece)

    return serve


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            break
        head += data
    return head


def raw(data: bytes) -> Serve:
    """Answers any request with these bytes."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(data)

    return serve


def fetch(prober: HttpProber, port: int, timeout_ns: int = 5 * SECOND, **asked: object) -> int:
    return prober.send(prober.prepare(WireTarget("127.0.0.1", port, **asked)), timeout_ns)


def ending(prober: HttpProber, serve: Serve, **asked: object):
    """The one reply of a probe of this server."""
    with tcp_server(serve) as port:
        fetch(prober, port, **asked)
        (reply,) = collect(prober, 1)
    return reply, port


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_that_answers_is_answered_with_its_phases(http, host):
    prober = http()
    with tcp_server(replying(b"hello"), host) as port:
        lane = prober.prepare(WireTarget(host, port, dscp=46))
        ids = [prober.send(lane, 5 * SECOND) for _ in range(10)]
        replies = collect(prober, 10)
    assert sorted(reply.probe_id for reply in replies) == ids
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert all(0 < reply.rtt_ns < 5 * SECOND for reply in replies)
    assert replies[0].detail.startswith("HTTP 200 OK (connect ")
    assert "first byte" in replies[0].detail


def test_the_request_names_the_host_of_the_url_and_goes_to_the_address_of_the_target(http):
    heads: list[bytes] = []
    prober = http()
    with tcp_server(lambda connection: heads.append(read_head(connection))) as port:
        fetch(prober, 1, request=f"http://www.example:{port}/health?deep=1")
        until(lambda: not prober.receive() and bool(heads))
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /health?deep=1 HTTP/1.1"
    assert f"Host: www.example:{port}" in lines
    assert "Connection: close" in lines


@pytest.mark.parametrize(
    ("status", "asked", "outcome"),
    [
        (b"204 No Content", {}, Outcome.ANSWERED),
        (b"301 Moved", {}, Outcome.ANSWERED),
        (b"404 Not Found", {}, Outcome.REFUSED),
        (b"503 Busy", {}, Outcome.REFUSED),
        (b"404 Not Found", {"expected_status": 404}, Outcome.ANSWERED),
        (b"301 Moved", {"expected_status": 200}, Outcome.REFUSED),
    ],
)
def test_the_status_decides_and_redirects_are_not_followed(http, status, asked, outcome):
    reply, port = ending(http(), replying(status=status), **asked)
    assert reply.outcome is outcome
    if outcome is Outcome.REFUSED:
        wanted = asked.get("expected_status", "200–399")
        words = f"HTTP {status.decode()} from 127.0.0.1 port {port} instead of {wanted}"
        assert reply.detail == words


def test_expected_text_is_found_across_pieces(http):
    reply, _ = ending(http(), replying(b"all is w", b"ell", pause=0.02), expected_text="is well")
    assert reply.outcome is Outcome.ANSWERED


def test_text_that_is_missing_is_a_loss_with_its_reason(http):
    reply, port = ending(http(), replying(b"all is lost"), expected_text="well")
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail == f"the answer of 127.0.0.1 port {port} does not contain 'well'"


def test_a_huge_answer_is_read_up_to_64_kb(http):
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000)
        for _ in range(200):
            connection.sendall(b"well" * 10_000)

    reply, port = ending(http(), serve, expected_text="well")
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail.startswith(f"the first 64 KB of the answer of 127.0.0.1 port {port}")


def test_the_time_ends_with_the_first_byte_however_slow_the_rest_is(http):
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        time.sleep(0.05)
        for byte in b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n":
            time.sleep(0.01)
            connection.sendall(bytes([byte]))

    before = time.monotonic_ns()
    reply, _ = ending(http(), serve)
    elapsed = time.monotonic_ns() - before
    assert reply.outcome is Outcome.ANSWERED
    assert 50 * MS <= reply.rtt_ns <= elapsed - 200 * MS


def test_time_in_which_this_process_slept_is_not_the_network_s(http):
    prober = http()
    with tcp_server(replying(b"hello")) as port:
        fetch(prober, port)
        for _ in range(2):  # once before the request leaves, once before its answer is read
            time.sleep(0.3)
            replies = prober.receive()
    assert replies[0].outcome is Outcome.ANSWERED
    assert replies[0].rtt_ns < 300 * MS


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (raw(b"220 mail.example ESMTP\r\n\r\n"), "does not speak HTTP"),
        (raw(b"\x00\xff\x00\xff" * 100), "does not speak HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000), "does not speak HTTP"),
        (raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 20), "interim answers without end"),
        (raw(b""), "closed the connection without an answer"),
        (raw(b"HTTP/1.1 200 O"), "closed the connection before a complete HTTP answer"),
        (socket.socket.close, "connection reset by"),
        (lambda connection: reset(connection), "connection reset by"),
    ],
    ids=["mail", "garbage", "endless head", "interim", "nothing", "cut off", "closed", "reset"],
)
def test_what_is_no_answer_is_a_loss_with_its_reason(http, serve, words):
    prober = http()
    with tcp_server(serve) as port:
        fetch(prober, port)
        (reply,) = collect(prober, 1)
    assert reply.outcome is Outcome.REFUSED
    if words != "connection reset by":  # a close may reach the prober before or after its request
        assert words in reply.detail
    assert f"127.0.0.1 port {port}" in reply.detail


def test_an_answer_that_breaks_off_before_the_text_is_a_loss(http):
    serve = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    reply, port = ending(http(), serve, expected_text="whole")
    words = f"127.0.0.1 port {port} closed the connection in the middle of its answer"
    assert (reply.outcome, reply.detail) == (Outcome.REFUSED, words)


def test_a_closed_port_is_a_loss_with_its_reason(http):
    prober, port = http(), closed_port()
    fetch(prober, port)
    (reply,) = collect(prober, 1)
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail == f"connection refused by 127.0.0.1 port {port}"


def test_silence_is_lost_and_says_what_was_waited_for(http):
    prober, before = http(), open_files()
    with silent_tcp_port() as (port, _listener):
        fetch(prober, port, 50 * MS)
        (reply,) = collect(prober, 1)
    assert reply.outcome is Outcome.LOST
    assert reply.detail == "no answer within 50 ms: waited for the connection"
    with tcp_server(lambda connection: connection.recv(1) and time.sleep(0.3)) as port:
        fetch(prober, port, 100 * MS)
        (reply,) = collect(prober, 1)
    assert reply.outcome is Outcome.LOST
    assert reply.detail == "no answer within 100 ms: waited for the first byte of the answer"
    assert open_files() == before


def test_a_body_that_dribbles_beyond_the_timeout_is_lost(http):
    reply, _ = ending(
        http(), replying(*[b"x"] * 30, pause=0.02), timeout_ns=200 * MS, expected_text="y"
    )
    assert reply.outcome is Outcome.LOST
    assert reply.detail == "no answer within 200 ms: waited for the rest of the answer"


def test_a_probe_that_ran_out_of_time_because_this_process_slept_is_void(http):
    prober = http()
    with tcp_server(lambda connection: connection.recv(1) and time.sleep(0.2)) as port:
        fetch(prober, port, 200 * MS)
        time.sleep(0.3)
        (reply,) = collect(prober, 1)
    assert reply.outcome is Outcome.VOID
    assert "this process was late" in reply.detail


def test_the_engine_is_woken_when_a_probe_can_go_on(http):
    prober = http()
    (wake_up,) = prober.sockets()
    assert select.select([wake_up], [], [], 0)[0] == []
    with tcp_server(replying(b"hello", pause=0.05)) as port:
        fetch(prober, port)
        replies, turns = [], 0
        while not replies and turns < 20:
            assert select.select([wake_up], [], [], 5)[0]
            replies = prober.receive()
            turns += 1
    assert turns < 20
    assert select.select([wake_up], [], [], 0)[0] == []


def test_a_forgotten_probe_is_closed_and_not_reported(http):
    prober, before = http(), open_files()
    with silent_tcp_port() as (port, _listener):
        prober.forget(fetch(prober, port))
    assert open_files() == before
    assert collect(prober, 1, 0.05) == []


def test_a_time_beyond_the_timeout_is_late_and_not_an_answer(http):
    prober, slow = http(), 30
    with tcp_server(replying(b"")) as port:
        probe_id = fetch(prober, port, SECOND)
        prober._pool._by_id[probe_id].timeout_ns = slow
        assert until(lambda: not prober.receive() and bool(prober.rejected))
    assert prober.rejected == {Rejection.LATE: 1}


def test_more_connections_than_allowed_are_an_own_fault(http):
    prober = http(most_connections=2)
    with silent_tcp_port() as (port, _listener):
        fetch(prober, port)
        fetch(prober, port)
        with pytest.raises(SendError, match="2 connections are under way") as refusal:
            fetch(prober, port)
    assert refusal.value.outcome is Outcome.CONGESTED


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        (WireTarget("127.0.0.1", 80, interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("127.0.0.1", 80, source="192.0.2.77"), Outcome.MISCONFIGURED, "192.0.2.77"),
        (WireTarget("router.example", 80), Outcome.MISCONFIGURED, "resolve the name"),
        (WireTarget("127.0.0.1", 0), Outcome.MISCONFIGURED, "port 0"),
        (WireTarget("127.0.0.1", 80, request="ftp://x/"), Outcome.MISCONFIGURED, "ftp://x/"),
    ],
)
def test_a_probe_that_cannot_leave_says_whose_fault_it_is(http, target, outcome, words):
    prober, before = http(), open_files()
    with pytest.raises(SendError, match=words) as refusal:
        prober.send(prober.prepare(target), SECOND)
    assert refusal.value.outcome is outcome
    assert open_files() == before


def test_two_thousand_probes_leave_no_file_open(http):
    prober, ended = http(), 0
    with (
        silent_tcp_port() as (silent_port, _listener),
        socket.create_server(("127.0.0.1", 0), backlog=100) as server,
    ):
        port = server.getsockname()[1]
        lanes = [
            prober.prepare(WireTarget("127.0.0.1", port)),
            prober.prepare(WireTarget("127.0.0.1", closed_port())),
            prober.prepare(WireTarget("127.0.0.1", silent_port)),
        ]
        before = open_files()
        for _ in range(50):
            ids = [prober.send(lanes[n % 3], 30 * SECOND) for n in range(39)]
            for _ in range(13):
                connection, _peer = server.accept()
                with connection:
                    until(lambda: bool(prober.receive()) or True, 0)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            collect(prober, 39, 0.02)
            for probe_id in ids:
                prober.forget(probe_id)
            ended += 39
        assert open_files() == before
    assert ended == 1950
