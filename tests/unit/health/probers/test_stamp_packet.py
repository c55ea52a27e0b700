"""STAMP test packets have the layout of RFC 8762 and survive the round trip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.probers.stamp_packet import (
    PACKET_BYTES,
    PROOF_BYTES,
    PROOF_OFFSET,
    RANDOM_MASK,
    SENDER_ERROR_ESTIMATE,
    TWAMP_REFLECTOR_BYTES,
    ReflectorPacket,
    SenderPacket,
    decode_reflector,
    decode_sender,
    encode_reflector,
    encode_sender,
    is_stamp,
    ntp_timestamp,
)

u8 = st.integers(0, 2**8 - 1)
u16 = st.integers(0, 2**16 - 1)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
senders = st.builds(SenderPacket, u32, u64, u16, u16)
reflectors = st.builds(ReflectorPacket, u32, u64, u16, u16, u64, u32, u64, u16, u8)
NOW = 1_700_000_000_123_456_789


def reflected(receive: int, sent: int, error_estimate: int = 1) -> ReflectorPacket:
    return ReflectorPacket(0, sent, error_estimate, 0, receive, 0, 0, 1, 64)


@given(senders, st.binary(max_size=64))
def test_a_sender_packet_survives_whatever_trails_it(packet: SenderPacket, tail: bytes) -> None:
    data = encode_sender(packet)
    assert len(data) == PACKET_BYTES
    assert decode_sender(data + tail) == packet


@given(reflectors, st.binary(max_size=64))
def test_a_reflected_packet_survives_whatever_trails_it(
    packet: ReflectorPacket, tail: bytes
) -> None:
    data = encode_reflector(packet)
    assert len(data) == PACKET_BYTES
    assert decode_reflector(data + tail) == packet


@given(st.binary(max_size=TWAMP_REFLECTOR_BYTES - 1))
def test_anything_shorter_than_the_shortest_answer_is_no_packet(data: bytes) -> None:
    assert decode_sender(data) is None
    assert decode_reflector(data) is None


def test_the_sender_packet_has_the_layout_of_rfc_8762_figure_2() -> None:
    data = encode_sender(SenderPacket(0x01020304, 0x1112131415161718, 0x2122, 0x3132))
    assert data == bytes.fromhex("01020304 1112131415161718 2122 3132") + bytes(28)


def test_the_reflected_packet_has_the_layout_of_rfc_8762_figure_5() -> None:
    packet = ReflectorPacket(
        0x01020304, 0x1112131415161718, 0x2122, 0x3132, 0x4142434445464748, 0x51525354,
        0x6162636465666768, 0x7172, 0x81,
    )  # fmt: skip
    assert encode_reflector(packet) == bytes.fromhex(
        "01020304 1112131415161718 2122 3132 4142434445464748"
        "51525354 6162636465666768 7172 0000 81 000000"
    )


@given(senders)
def test_the_proof_is_what_the_sender_began_with(packet: SenderPacket) -> None:
    answer = reflected(0, 0)._replace(
        sender_sequence=packet.sequence, sender_timestamp=packet.timestamp
    )
    proof = encode_reflector(answer)[PROOF_OFFSET : PROOF_OFFSET + PROOF_BYTES]
    assert proof == encode_sender(packet)[:PROOF_BYTES]


def test_ntp_time_counts_from_1900_in_units_of_2_to_the_minus_32_seconds() -> None:
    assert ntp_timestamp(0) == 2_208_988_800 << 32
    assert ntp_timestamp(500_000_000) & 0xFFFFFFFF == 1 << 31


def test_the_error_estimate_covers_the_random_bits_and_is_not_zero() -> None:
    scale, multiplier = SENDER_ERROR_ESTIMATE >> 8 & 0x3F, SENDER_ERROR_ESTIMATE & 0xFF
    assert multiplier > 0
    assert multiplier << scale > RANDOM_MASK


@given(st.integers(-(10**12), 10**12))
def test_the_dwell_is_the_difference_of_the_reflector_s_stamps(dwell_ns: int) -> None:
    packet = reflected(ntp_timestamp(NOW), ntp_timestamp(NOW + dwell_ns))
    assert packet.dwell_ns == pytest.approx(dwell_ns, abs=2)


def test_the_dwell_survives_the_end_of_the_ntp_era_in_2036() -> None:
    assert reflected((1 << 64) - (1 << 31), 1 << 31).dwell_ns == 1_000_000_000


def test_a_reflector_that_stamps_in_ptp_format_is_understood() -> None:
    packet = reflected(7 << 32 | 999_999_000, 8 << 32 | 1_000, error_estimate=0x4001)
    assert packet.dwell_ns == 2_000


# --- bytes made by hand from the figures of the standards ------------------------------

TWAMP_SENDER = bytes.fromhex("0000002a e5a1b2c3d4e5f607 2a01") + bytes(range(1, 28))
"""RFC 5357 §4.1.2, unauthenticated, with 27 bytes of padding."""
TWAMP_ANSWER = bytes.fromhex(
    "00000007 e5a1b2c3d5000000 8a01 0000 e5a1b2c3d4f00000 0000002a e5a1b2c3d4e5f607 2a01 0000 fe"
)
"""RFC 5357 §4.2.1, unauthenticated, without padding."""


def test_a_packet_of_twamp_light_has_no_session_number_whatever_its_padding() -> None:
    packet = decode_sender(TWAMP_SENDER)
    assert packet == SenderPacket(42, 0xE5A1B2C3D4E5F607, 0x2A01, 0)
    assert not is_stamp(TWAMP_SENDER)
    assert not is_stamp(TWAMP_SENDER + bytes(100))


def test_the_shortest_answer_of_twamp_light_is_read() -> None:
    answer = decode_reflector(TWAMP_ANSWER)
    assert answer is not None
    assert len(TWAMP_ANSWER) == TWAMP_REFLECTOR_BYTES
    assert (answer.sequence, answer.sender_sequence, answer.sender_ttl) == (7, 42, 254)
    assert answer.dwell_ns == pytest.approx((0xD5000000 - 0xD4F00000) * 10**9 / 2**32, abs=1)


def test_a_packet_with_a_session_number_is_one_of_stamp() -> None:
    data = bytes.fromhex("00000001 e5a1b2c3d4e5f607 1401 beef") + bytes(28)
    assert is_stamp(data)
    assert decode_sender(data) == SenderPacket(1, 0xE5A1B2C3D4E5F607, 0x1401, 0xBEEF)
