"""One HTTP POST of JSON, signed, to an address that may be told: no redirects, no proxies.

The signature is an HMAC (RFC 2104) with SHA-256 over "timestamp.body", so that a recorded
message can't be sent again later as a new one. The name is looked up once, its addresses
are judged, and the connection goes to one that was judged: a name that changes its mind
between the two (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from failover.outbound.errors import OutboundError

MAX_ANSWER_BYTES = 2048
RETRYABLE = frozenset({408, 425, 429})
"""Client errors (RFC 9110, RFC 8470, RFC 6585) after which the same message may succeed."""
METADATA = frozenset({"169.254.169.254", "fd00:ec2::254", "100.100.100.200"})
"""Where clouds keep the secrets of their machines; link-local ones are refused anyway."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post: an http or https ``url``, the ``secret`` it shares, and whom it trusts.

    ``ca_file`` names the certificates that are trusted beside none other ("": the system's).
    """

    url: str
    secret: str = ""
    timeout_secs: float = 10.0
    ca_file: str = ""


class Answer(NamedTuple):
    """The status of the answer and the beginning of its body."""

    status: int
    text: str


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The value of ``X-Pathwarden-Signature``: "sha256=" and 64 hexadecimal digits."""
    message = str(timestamp).encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def post(endpoint: Endpoint, body: bytes, *, key: str, timestamp: int) -> Answer:
    """Send ``body`` (JSON) as of ``timestamp`` (seconds since 1970, UTC).

    ``key`` is the same for each attempt of one message (``Idempotency-Key``). Raises
    ``OutboundError`` for anything but a 2xx answer.
    """
    parts = urlsplit(endpoint.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise OutboundError(
            f"{endpoint.url!r} is no address to post to: write https://host/path.", retryable=False
        )
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Pathwarden",
        "Idempotency-Key": key,
        "X-Pathwarden-Timestamp": str(timestamp),
    }
    if endpoint.secret:
        headers["X-Pathwarden-Signature"] = signature(endpoint.secret, timestamp, body)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(endpoint)
    try:
        connection.request("POST", target, body, headers)
        with connection.getresponse() as response:
            text = response.read(MAX_ANSWER_BYTES).decode(errors="replace").strip()
            answer = Answer(response.status, text)
    except (OSError, http.client.HTTPException) as error:
        raise OutboundError(
            f"{parts.hostname} was not reached ({str(error) or type(error).__name__}).",
            retryable=not isinstance(error, ssl.SSLCertVerificationError),
        ) from error
    finally:
        connection.close()
    if 200 <= answer.status < 300:
        return answer
    raise OutboundError(
        f"{parts.hostname} answered {answer.status}: {answer.text[:200] or 'no text'}",
        retryable=answer.status >= 500 or answer.status in RETRYABLE,
    )


def judged_address(host: str, port: int) -> str:
    """An address of ``host`` that may be told something; raises ``OutboundError``."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutboundError(
            f"{host} was not found ({error}): check the name and this host's resolver.",
            retryable=True,
        ) from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        kind = ipaddress.ip_address(address.partition("%")[0])
        if kind.is_link_local or kind.is_multicast or kind.is_unspecified or address in METADATA:
            raise OutboundError(
                f"{host} is {address}, which is nobody's address to be told something: "
                "use one of a host of yours.",
                retryable=False,
            )
    return addresses[0]


def _connection(endpoint: Endpoint) -> http.client.HTTPConnection:
    parts = urlsplit(endpoint.url)
    host = str(parts.hostname)
    if parts.scheme == "http":
        return _Plain(host, parts.port or 80, timeout=endpoint.timeout_secs)
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_file or None)
    except OSError as error:
        raise OutboundError(
            f"The certificates in {endpoint.ca_file} can't be read ({error.strerror}): "
            "check the file.",
            retryable=False,
        ) from error
    return _Encrypted(host, parts.port or 443, timeout=endpoint.timeout_secs, context=context)


class _Plain(http.client.HTTPConnection):
    """Connects to the address that was judged, and asks for the name."""

    def connect(self) -> None:
        self.sock = socket.create_connection(
            (judged_address(self.host, self.port), self.port), self.timeout
        )


class _Encrypted(http.client.HTTPSConnection):
    """The same; the certificate must be that of the name."""

    def connect(self) -> None:
        plain = socket.create_connection(
            (judged_address(self.host, self.port), self.port), self.timeout
        )
        try:
            self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined] # what the standard library itself uses
        except BaseException:
            plain.close()
            raise
