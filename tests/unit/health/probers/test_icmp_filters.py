"""The sets of message types that the kernel throws away for us."""

from __future__ import annotations

import struct

from health.probers.icmp_filters import _WANTED_TYPES, _WANTED_TYPES_V6, _all_but


def passing(blocked: bytes) -> set[int]:
    """The types whose bit is not set, by the macros of RFC 3542 §3.2 and raw(7)."""
    words = struct.unpack(f"@{len(blocked) // 4}I", blocked)
    return {kind for kind in range(32 * len(words)) if not words[kind >> 5] >> (kind & 31) & 1}


def test_of_icmpv4_only_echo_replies_and_errors_pass() -> None:
    assert passing(_all_but(_WANTED_TYPES, 32)) == {0, 3, 11, 12}


def test_of_icmpv6_only_echo_replies_and_errors_pass() -> None:
    assert passing(_all_but(_WANTED_TYPES_V6, 256)) == {129, 1, 2, 3, 4}
