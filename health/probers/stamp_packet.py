"""The bytes of STAMP test packets, unauthenticated mode (RFC 8762 §4.2.1, §4.3.1).

Pure: no socket, no clock, no randomness. Both packets are 44 bytes; what follows
is padding or the TLVs of RFC 8972 (``stamp_tlv``). The session identifier of RFC
8972 stands in two bytes that RFC 8762 leaves zero.

TWAMP Light (RFC 5357 appendix I) has the same layout, but its sender fills
everything after the first 14 bytes with padding of any content, and its reflector
may stop after 41 bytes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

DEFAULT_PORT = 862
PACKET_BYTES = 44
TWAMP_SENDER_BYTES = 14
TWAMP_REFLECTOR_BYTES = 41
"""The least a reflector may answer with, and so the least that a request must have."""
PROOF_BYTES = 12
"""Sequence number and timestamp: what the sender begins with and the reflector repeats."""
PROOF_OFFSET = 24
"""Where a reflected packet repeats them."""

RANDOM_BITS = 20
RANDOM_MASK = (1 << RANDOM_BITS) - 1
SEQUENCE_MASK = 0xFFFF_FFFF

NS_PER_SEC = 1_000_000_000
ERA_NS = NS_PER_SEC << 32
"""NTP time starts again after 2^32 seconds: next in February 2036."""
NTP_EPOCH_NS = 2_208_988_800 * NS_PER_SEC  # 1900 to 1970, RFC 5905 §6
_ERA = 1 << 64
_PTP_FORMAT = 0x4000  # the Z bit of the error estimate

SENDER_ERROR_ESTIMATE = RANDOM_BITS << 8 | 1
"""Not synchronised, NTP format, error 1·2^20·2^-32 s: the random bits (RFC 4656 §4.1.2)."""
REFLECTOR_ERROR_ESTIMATE = 16 << 8 | 1
"""Not synchronised, NTP format, error 1·2^16·2^-32 s = 15 µs, the stamps of a busy host."""

_SENDER = struct.Struct("!IQHH28x")
_REFLECTOR = struct.Struct("!IQHHQIQHxxB3x")
_REFLECTED = struct.Struct("!IQHHQIQHxxB")

pack_sender = _SENDER.pack
"""The 44 bytes of the fields of a ``SenderPacket``; once for each probe, so without the tuple."""
pack_reflector = _REFLECTOR.pack
"""The 44 bytes of the fields of a ``ReflectorPacket``."""
unpack_reflected = struct.Struct("!IQHHQIQ").unpack_from
"""The first seven fields of a ``ReflectorPacket``, all that the sender looks at."""


class SenderPacket(NamedTuple):
    """What a session-sender sends; ``timestamp`` as on the wire, ``session`` 0 for none."""

    sequence: int
    timestamp: int
    error_estimate: int = SENDER_ERROR_ESTIMATE
    session: int = 0


class ReflectorPacket(NamedTuple):
    """What a session-reflector answers; timestamps as on the wire.

    ``timestamp`` is t3, ``receive_timestamp`` t2; the ``sender_`` fields repeat
    the packet that is answered, ``sender_ttl`` as it arrived.
    """

    sequence: int
    timestamp: int
    error_estimate: int
    session: int
    receive_timestamp: int
    sender_sequence: int
    sender_timestamp: int
    sender_error_estimate: int
    sender_ttl: int

    @property
    def dwell_ns(self) -> int:
        """t3 − t2 in nanoseconds: how long the reflector had the packet, by its own clock."""
        sent_ns = wire_ns(self.timestamp, self.error_estimate)
        dwell_ns = (sent_ns - wire_ns(self.receive_timestamp, self.error_estimate)) % ERA_NS
        # Negative when the reflector's clock was set back.
        return dwell_ns if dwell_ns < ERA_NS // 2 else dwell_ns - ERA_NS


def ntp_timestamp(unix_ns: int) -> int:
    """Nanoseconds since 1970 as a 64-bit NTP timestamp: 32 bits of seconds, 32 of fraction."""
    return (unix_ns + NTP_EPOCH_NS << 32) // NS_PER_SEC % _ERA


def wire_ns(timestamp: int, error_estimate: int) -> int:
    """A timestamp in nanoseconds since its epoch: 1900, or 1970 for one in PTP format.

    The Z bit of the error estimate tells the truncated PTP format (RFC 8186 §2.3):
    32 bits of seconds, 32 of nanoseconds.
    """
    if error_estimate & _PTP_FORMAT:
        return (timestamp >> 32) * NS_PER_SEC + (timestamp & 0xFFFF_FFFF)
    return timestamp * NS_PER_SEC >> 32


def encode_sender(packet: SenderPacket) -> bytes:
    """The 44 bytes of a session-sender test packet."""
    return pack_sender(*packet)


def decode_sender(data: bytes) -> SenderPacket | None:
    """The test packet at the beginning of ``data``, or None when it is too short.

    Too short is what cannot be answered without sending more than was received.
    A packet with anything but zeros where RFC 8762 wants zeros is one of TWAMP
    Light: its padding is no session identifier.
    """
    if len(data) < TWAMP_REFLECTOR_BYTES:
        return None
    sequence, timestamp, error_estimate, session = _HEAD.unpack_from(data)
    return SenderPacket(sequence, timestamp, error_estimate, session if is_stamp(data) else 0)


def is_stamp(data: bytes) -> bool:
    """True for a STAMP test packet, False for one with the padding of TWAMP Light."""
    return data[_HEAD.size : PACKET_BYTES] == _ZEROS


def encode_reflector(packet: ReflectorPacket) -> bytes:
    """The 44 bytes of a session-reflector test packet."""
    return pack_reflector(*packet)


def decode_reflector(data: bytes) -> ReflectorPacket | None:
    """The reflected packet at the beginning of ``data``, or None when it is too short."""
    if len(data) < TWAMP_REFLECTOR_BYTES:
        return None
    return ReflectorPacket(*_REFLECTED.unpack_from(data))


_HEAD = struct.Struct("!IQHH")
_ZEROS = bytes(PACKET_BYTES - _HEAD.size)
