"""The address is told as soon as the web process answers, whatever it answers, and once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from sdwan_site.processes import announcement
from sdwan_site.processes.announcement import Announcement, answers_http
from tests.functional.processes.product import free_port

ANSWERS = (
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://127.0.0.1/healthz\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
)


@pytest.fixture(params=ANSWERS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port at which the answer is given to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1_000)
                    connection.sendall(request.param)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_any_answer_shows_that_the_web_process_is_there(port: int) -> None:
    assert answers_http("127.0.0.1", port)


def test_a_closed_port_is_no_answer() -> None:
    assert not answers_http("127.0.0.1", free_port())


def test_the_lines_are_told_once(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(announcement, "LOOK_EVERY_SECS", 0.0)
    telling = Announcement("127.0.0.1", port, ["running", "password"])
    for _ in range(3):
        telling.when_ready()
    assert capsys.readouterr().out == "running\npassword\n"


def test_nothing_is_told_while_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    Announcement("127.0.0.1", free_port(), ["running"]).when_ready()
    assert capsys.readouterr().out == ""
