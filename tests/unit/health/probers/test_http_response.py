"""Answers are judged the same however they are cut into pieces."""

from __future__ import annotations

import pytest

from health.domain.measurement import Outcome
from health.probers.http_request import parse_url
from health.probers.http_response import Expected, GetExchange
from health.probers.tcp_connect import Ending

URL = parse_url("http://example.com/health")
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well"
CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nall is w\r\n3\r\nell\r\n0\r\n\r\n"
)
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\nall is well"


def judged(data: bytes, expected: Expected, size: int) -> Ending | None:
    get = GetExchange(URL, expected, "server")
    get.request()
    for start in range(0, len(data), size):
        verdict = get.feed(data[start : start + size])
        if verdict is not None:
            return verdict
    return get.feed(b"")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("data", [PLAIN, CHUNKED, UNTIL_CLOSED], ids=["length", "chunks", "close"])
def test_text_is_found_in_every_framing_and_however_it_is_cut(data: bytes, size: int) -> None:
    found = judged(data, Expected(text=b"is well"), size)
    missing = judged(data, Expected(text=b"is lost"), size)
    assert found == Ending(Outcome.ANSWERED, "HTTP 200 OK")
    assert missing == Ending(Outcome.REFUSED, "the answer of server does not contain 'is lost'")


def test_without_expected_text_the_head_decides() -> None:
    get = GetExchange(URL, Expected(), "server")
    assert get.request().startswith(b"GET /health HTTP/1.1\r\nHost: example.com\r\n")
    assert get.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n") is None
    assert get.feed(b"\r\n") == Ending(Outcome.ANSWERED, "HTTP 200 OK")


@pytest.mark.parametrize(("status", "fine"), [(200, True), (399, True), (400, False), (599, False)])
def test_from_200_to_399_counts_unless_a_status_is_expected(status: int, fine: bool) -> None:
    data = b"HTTP/1.1 %d\r\n\r\n" % status
    verdict = judged(data, Expected(), 1000)
    assert verdict is not None
    assert (verdict.outcome is Outcome.ANSWERED) == fine
    exact = judged(data, Expected(status=status), 1000)
    assert exact == Ending(Outcome.ANSWERED, f"HTTP {status}")


@pytest.mark.parametrize(
    "answer",
    [
        b"X" * 12_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"X" * 12_000 + b"\r\n\r\n",
        b"HTTP/1.1 500 " + b"X" * 12_000 + b"\r\n\r\n",
    ],
    ids=["no HTTP", "fine", "refused"],
)
def test_a_server_can_not_fill_our_sentences_with_what_it_likes(answer: bytes) -> None:
    verdict = judged(answer, Expected(), len(answer))
    assert verdict is not None
    assert "XXX" in verdict.detail
    assert len(verdict.detail) < 200
