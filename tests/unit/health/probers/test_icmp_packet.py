"""Echo messages: made right, checked right, found again inside ICMP errors."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.probers.icmp_packet import (
    ECHO_BYTES,
    ECHO_REQUEST,
    ECHO_REQUEST_V6,
    EchoBuilder,
    checksum_holds,
    read_echo,
    read_quoted_echo,
    read_quoted_echo_v6,
)

u16 = st.integers(0, 0xFFFF)
tokens = st.integers(0, 2**64 - 1)
TOKEN = int.from_bytes(b"tokenize", "big")


def rfc_1071(message: bytes) -> int:
    """The Internet checksum as the RFC describes it, word by word."""
    total = 0
    for (word,) in struct.iter_unpack("!H", message):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def error_about(request: bytes, *, options: bytes = b"", protocol: int = 1) -> bytes:
    """An ICMP error that quotes a request to 192.0.2.9."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | 5 + len(options) // 4, 0, 0, 0, 0, 64, protocol, 0,
        socket.inet_aton("10.0.0.1"), socket.inet_aton("192.0.2.9"),
    )  # fmt: skip
    return struct.pack("!BBHI", 3, 1, 0, 0) + header + options + request


@given(u16, u16, tokens)
def test_a_request_carries_its_fields_and_a_right_checksum(
    identifier: int, sequence: int, token: int
) -> None:
    request = EchoBuilder(identifier).request(sequence, token)
    assert len(request) == ECHO_BYTES
    assert rfc_1071(request) == 0
    assert checksum_holds(request)
    kind, _checksum, got_identifier, got_sequence, got_token, signature = read_echo(request, 0)
    assert (kind, got_identifier) == (ECHO_REQUEST << 8, identifier)
    assert (got_sequence, got_token) == (sequence, token)
    assert signature.to_bytes(8, "big") == b"pathward"


@given(u16, tokens, st.integers(0, ECHO_BYTES - 1), st.integers(1, 255))
def test_one_changed_byte_breaks_the_checksum(
    sequence: int, token: int, position: int, change: int
) -> None:
    request = bytearray(EchoBuilder(1).request(sequence, token))
    request[position] ^= change
    assert not checksum_holds(bytes(request))


def test_a_message_of_odd_length_is_padded_for_the_checksum() -> None:
    body = b"\x08\x00\x00\x00\x00\x01\x00\x01\x05"
    checksum = rfc_1071(body + b"\0")
    assert checksum_holds(body[:2] + struct.pack("!H", checksum) + body[4:])


@pytest.mark.parametrize("options", [b"", b"\x94\x04\0\0"])
def test_the_request_is_found_in_an_error_behind_ip_options_too(options: bytes) -> None:
    quoted = read_quoted_echo(error_about(EchoBuilder(77).request(5, TOKEN), options=options))
    assert quoted is not None
    assert quoted == ("192.0.2.9", 77, 5, b"tokenize")


def error_v6_about(request: bytes, *, next_header: int = 58) -> bytes:
    """An ICMPv6 error that quotes a request to 2001:db8::9."""
    source, destination = (socket.inet_pton(socket.AF_INET6, a) for a in ("::1", "2001:db8::9"))
    header = struct.pack("!IHBB16s16s", 6 << 28, 24, next_header, 64, source, destination)
    return struct.pack("!BBHI", 1, 3, 0, 0) + header + request


def test_the_request_is_found_in_an_icmpv6_error() -> None:
    request = EchoBuilder(77, ECHO_REQUEST_V6).request(5, TOKEN)
    quoted = read_quoted_echo_v6(error_v6_about(request))
    assert quoted == ("2001:db8::9", 77, 5, b"tokenize")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        bytes(8),
        error_v6_about(EchoBuilder(77, ECHO_REQUEST_V6).request(5, TOKEN)[:7]),
        error_v6_about(EchoBuilder(77, ECHO_REQUEST_V6).request(5, TOKEN), next_header=17),
        error_v6_about(EchoBuilder(77, ECHO_REQUEST).request(5, TOKEN)),
    ],
    ids=["empty", "no quote", "quote too short", "quotes UDP", "quotes an ICMPv4 type"],
)
def test_an_icmpv6_error_about_something_else_is_not_about_our_request(message: bytes) -> None:
    assert read_quoted_echo_v6(message) is None


def test_an_error_that_quotes_only_eight_bytes_has_no_token() -> None:
    quoted = read_quoted_echo(error_about(EchoBuilder(77).request(5, TOKEN)[:8]))
    assert quoted is not None
    assert quoted.token == b""


@pytest.mark.parametrize(
    "message",
    [
        b"",
        bytes(8),
        error_about(EchoBuilder(77).request(5, TOKEN)[:7]),
        error_about(EchoBuilder(77).request(5, TOKEN), protocol=17),
        error_about(b"\0" + EchoBuilder(77).request(5, TOKEN)[1:]),
    ],
    ids=["empty", "no quote", "quote too short", "quotes UDP", "quotes an echo reply"],
)
def test_an_error_about_something_else_is_not_about_our_request(message: bytes) -> None:
    assert read_quoted_echo(message) is None


@given(st.binary(max_size=80))
def test_no_garbage_makes_the_reader_of_errors_fail(message: bytes) -> None:
    for read in (read_quoted_echo, read_quoted_echo_v6):
        quoted = read(message)
        assert quoted is None or len(quoted.token) <= 8
