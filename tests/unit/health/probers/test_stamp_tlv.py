"""What comes back behind the answer of a reflector (RFC 8972 §4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.probers.stamp_tlv import MAX_TLVS, reflect_tlvs


def tlv(kind: int, value: bytes, flags: int = 0x80) -> bytes:
    return bytes([flags, kind]) + len(value).to_bytes(2, "big") + value


@given(st.binary(max_size=2000))
def test_whatever_comes_goes_back_at_the_same_length(tail: bytes) -> None:
    assert len(reflect_tlvs(tail)) == len(tail)


@given(st.binary(max_size=100))
def test_extra_padding_is_understood(padding: bytes) -> None:
    assert reflect_tlvs(tlv(1, padding)) == tlv(1, padding, flags=0)


@pytest.mark.parametrize("kind", [2, 3, 4, 5, 6, 7, 8, 9, 10, 200, 255])
def test_any_other_type_is_returned_as_not_understood(kind: int) -> None:
    assert reflect_tlvs(tlv(kind, b"abc", flags=0)) == tlv(kind, b"abc", flags=0x80)


def test_each_is_judged_for_itself() -> None:
    assert reflect_tlvs(tlv(1, b"ab") + tlv(4, b"cd") + tlv(1, b"")) == (
        tlv(1, b"ab", 0) + tlv(4, b"cd", 0x80) + tlv(1, b"", 0)
    )


def test_one_that_is_longer_than_the_packet_is_malformed_and_ends_the_reading() -> None:
    broken = bytes.fromhex("80 01 00ff aabb")
    assert reflect_tlvs(tlv(1, b"x") + broken) == tlv(1, b"x", 0) + bytes.fromhex("40 01 00ff aabb")


def test_padding_of_zeros_comes_back_as_it_was() -> None:
    assert reflect_tlvs(bytes(500)) == bytes(500)


def test_a_rest_too_short_for_a_header_comes_back_as_it_was() -> None:
    assert reflect_tlvs(tlv(1, b"") + b"\x80\x01\x00") == tlv(1, b"", 0) + b"\x80\x01\x00"


def test_nobody_can_make_the_reflector_read_a_hundred_of_them() -> None:
    many = tlv(1, b"") * 100
    assert reflect_tlvs(many).count(b"\x00\x01\x00\x00") == MAX_TLVS
