"""What the kernel throws away for us: message types, and identifiers of other people."""

from __future__ import annotations

import struct

import pytest

from health.probers.icmp_filters import (
    _WANTED_TYPES,
    _WANTED_TYPES_V6,
    Program,
    _all_but,
    identifier_v4,
    identifier_v6,
)
from health.probers.icmp_identifiers import RANDOM_MASK, identifiers_of, random_part
from health.probers.icmp_packet import ECHO_REQUEST_V6, EchoBuilder

OURS = random_part()


def passing(blocked: bytes) -> set[int]:
    """The types whose bit is not set, by the macros of RFC 3542 §3.2 and raw(7)."""
    words = struct.unpack(f"@{len(blocked) // 4}I", blocked)
    return {kind for kind in range(32 * len(words)) if not words[kind >> 5] >> (kind & 31) & 1}


def test_of_icmpv4_only_echo_replies_and_errors_pass() -> None:
    assert passing(_all_but(_WANTED_TYPES, 32)) == {0, 3, 11, 12}


def test_of_icmpv6_only_echo_replies_and_errors_pass() -> None:
    assert passing(_all_but(_WANTED_TYPES_V6, 256)) == {129, 1, 2, 3, 4}


def accepts(program: Program, packet: bytes) -> bool:
    """Run the program as Documentation/networking/filter.rst says; beyond the end is a drop."""
    a = x = at = 0
    try:
        while True:
            code, when_true, when_false, k = program[at]
            at += 1
            match code:
                case 0xB1:
                    x = 4 * (packet[k] & 0x0F)
                case 0x30:
                    a = packet[k]
                case 0x50:
                    a = packet[x + k]
                case 0x28:
                    (a,) = struct.unpack_from("!H", packet, k)
                case 0x48:
                    (a,) = struct.unpack_from("!H", packet, x + k)
                case 0x54:
                    a &= k
                case 0x64:
                    a <<= k
                case 0x0C:
                    a += x
                case 0x07:
                    x = a
                case 0x05:
                    at += k
                case 0x15:
                    at += when_true if a == k else when_false
                case 0x06:
                    return k > 0
                case _:
                    raise AssertionError(f"no instruction of ours: {code:#x}")
    except (IndexError, struct.error):
        return False


def ip_header(options: int, protocol: int = 1) -> bytes:
    return bytes([0x45 + options, *bytes(8), protocol, *bytes(10 + 4 * options)])


def answer_v4(identifier: int, options: int = 0) -> bytes:
    return ip_header(options) + b"\0\0" + EchoBuilder(identifier).request(5, 6)[2:]


def error_v4(identifier: int, outer: int = 0, inner: int = 0, protocol: int = 1) -> bytes:
    quoted = ip_header(inner, protocol) + EchoBuilder(identifier).request(5, 6)
    return ip_header(outer) + b"\x03\x01" + bytes(6) + quoted


def answer_v6(identifier: int) -> bytes:
    return b"\x81\0" + EchoBuilder(identifier, ECHO_REQUEST_V6).request(5, 6)[2:]


def error_v6(identifier: int, protocol: int = 58) -> bytes:
    quoted = bytes([0x60, *bytes(5), protocol, 64, *bytes(32)])
    return b"\x01\0" + bytes(6) + quoted + EchoBuilder(identifier, ECHO_REQUEST_V6).request(5, 6)


V4 = [
    answer_v4, error_v4, lambda i: answer_v4(i, 5), lambda i: error_v4(i, outer=3),
    lambda i: error_v4(i, inner=2), lambda i: error_v4(i, outer=10, inner=10),
]  # fmt: skip
V6 = [answer_v6, error_v6]
PACKETS = [(identifier_v4, made) for made in V4] + [(identifier_v6, made) for made in V6]


@pytest.mark.parametrize(("filter_of", "packet"), PACKETS)
def test_answers_to_and_errors_about_all_our_groups_pass(filter_of, packet) -> None:
    program = filter_of(OURS, RANDOM_MASK)
    assert all(accepts(program, packet(identifier)) for identifier in identifiers_of(OURS))


@pytest.mark.parametrize(("filter_of", "packet"), PACKETS)
def test_one_other_bit_in_the_random_part_and_nothing_passes(filter_of, packet) -> None:
    program = filter_of(OURS, RANDOM_MASK)
    for bit in (1 << n for n in range(16) if RANDOM_MASK >> n & 1):
        assert not any(accepts(program, packet(other)) for other in identifiers_of(OURS ^ bit))


def test_errors_about_other_protocols_and_cut_packets_do_not_pass() -> None:
    v4, v6 = identifier_v4(OURS, RANDOM_MASK), identifier_v6(OURS, RANDOM_MASK)
    assert not accepts(v4, error_v4(OURS, protocol=17))
    assert not accepts(v6, error_v6(OURS, protocol=17))
    assert not accepts(v4, error_v4(OURS)[:52])
    assert not accepts(v6, error_v6(OURS)[:52])


def test_no_jump_leads_out_of_a_program() -> None:
    for program in (identifier_v4(OURS, RANDOM_MASK), identifier_v6(OURS, RANDOM_MASK)):
        for place, (code, when_true, when_false, k) in enumerate(program):
            ways = (k,) if code == 0x05 else (when_true, when_false)
            assert code == 0x06 or all(place + 1 + way < len(program) for way in ways)
