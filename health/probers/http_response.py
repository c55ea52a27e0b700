"""One GET and the judgement of its answer (RFC 9112), by h11. Pure; no sockets.

Bytes go in as they arrive; a verdict comes out as soon as it is certain.
"""

from __future__ import annotations

from typing import NamedTuple

import h11

from health.domain.measurement import Outcome
from health.probers.http_request import HttpUrl
from health.probers.tcp_connect import Ending

MAX_BODY_BYTES = 65_536
_USER_AGENT = "Pathwarden"
_MAX_INTERIM = 8
_FINE = range(200, 400)
_MOST_FOREIGN_CHARS = 80
"""Of what the other side wrote into a sentence of ours; it may send kilobytes."""


class Expected(NamedTuple):
    """What counts as an answer: ``status`` 0 for 200–399, ``text`` "" for anything."""

    status: int = 0
    text: bytes = b""


class GetExchange:
    """A GET request and what has come back so far; ``server`` names the other side."""

    def __init__(self, url: HttpUrl, expected: Expected, server: str) -> None:
        self._connection = h11.Connection(h11.CLIENT)
        self._url = url
        self._expected = expected
        self._server = server
        self._interim = 0
        self._heard = False
        self._body = bytearray()
        self.status = ""
        """The status line in words, once it has arrived."""

    def request(self) -> bytes:
        """The bytes to send."""
        head = h11.Request(
            method="GET",
            target=self._url.resource,
            headers=[
                ("Host", self._url.authority),
                ("User-Agent", _USER_AGENT),
                ("Accept", "*/*"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        return (self._connection.send(head) or b"") + (
            self._connection.send(h11.EndOfMessage()) or b""
        )

    def feed(self, data: bytes) -> Ending | None:
        """Take bytes in (b"": the connection was closed); the verdict once it is certain.

        The verdict's outcome is ``ANSWERED`` or ``REFUSED``.
        """
        self._heard = self._heard or bool(data)
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return None
                verdict = self._judge(event)
                if verdict is not None:
                    return verdict
        except h11.RemoteProtocolError as error:
            if data:
                return _refused(f"{self._server} does not speak HTTP: {_shortened(str(error))}")
            return _refused(f"{self._server} closed the connection {self._how_far()}")

    def _judge(self, event: object) -> Ending | None:
        if isinstance(event, h11.InformationalResponse):
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                return _refused(f"{self._server} sends interim answers without end")
        elif isinstance(event, h11.Response):
            return self._judge_status(event)
        elif isinstance(event, h11.Data):
            return self._judge_body(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            return self._text_is_missing("the answer")
        elif isinstance(event, h11.ConnectionClosed):
            return _refused(f"{self._server} closed the connection {self._how_far()}")
        return None

    def _how_far(self) -> str:
        if self.status:
            return "in the middle of its answer"
        return "before a complete HTTP answer" if self._heard else "without an answer"

    def _judge_status(self, head: h11.Response) -> Ending | None:
        code = head.status_code
        self.status = _shortened(f"{code} {head.reason.decode('latin-1')}".strip())
        wanted = self._expected.status
        if code != wanted if wanted else code not in _FINE:
            range_ = str(wanted) if wanted else f"{_FINE.start}–{_FINE.stop - 1}"
            return _refused(f"HTTP {self.status} from {self._server} instead of {range_}")
        return None if self._expected.text else Ending(Outcome.ANSWERED, f"HTTP {self.status}")

    def _judge_body(self, data: bytes) -> Ending | None:
        text, seen = self._expected.text, len(self._body)
        self._body += data[: MAX_BODY_BYTES - seen]
        if self._body.find(text, max(0, seen - len(text) + 1)) >= 0:
            return Ending(Outcome.ANSWERED, f"HTTP {self.status}")
        if len(self._body) >= MAX_BODY_BYTES:
            return self._text_is_missing(f"the first {MAX_BODY_BYTES // 1024} KB of the answer")
        return None

    def _text_is_missing(self, where: str) -> Ending:
        text = self._expected.text.decode("utf-8", "replace")
        return _refused(f"{where} of {self._server} does not contain {text!r}")


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_FOREIGN_CHARS else f"{text[:_MOST_FOREIGN_CHARS]}…"


def _refused(detail: str) -> Ending:
    return Ending(Outcome.REFUSED, detail)
