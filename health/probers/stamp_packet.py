"""The bytes of STAMP test packets, unauthenticated mode (RFC 8762 §4.2.1, §4.3.1).

Pure: no socket, no clock, no randomness. Both packets are 44 bytes; whatever
follows (padding, the TLVs of RFC 8972) is ignored. The session identifier of
RFC 8972 is carried where it says, in the two bytes RFC 8762 leaves zero.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

DEFAULT_PORT = 862
PACKET_BYTES = 44
PROOF_BYTES = 12
"""Sequence number and timestamp: what the sender begins with and the reflector repeats."""
PROOF_OFFSET = 24
"""Where a reflected packet repeats them."""

RANDOM_BITS = 20
RANDOM_MASK = (1 << RANDOM_BITS) - 1
SEQUENCE_MASK = 0xFFFF_FFFF

_NTP_EPOCH_SECS = 2_208_988_800  # 1900 to 1970, RFC 5905 §6
_NS = 1_000_000_000
_ERA = 1 << 64
_PTP_FORMAT = 0x4000  # the Z bit of the error estimate

SENDER_ERROR_ESTIMATE = RANDOM_BITS << 8 | 1
"""Not synchronised, NTP format, error 1·2^20·2^-32 s: the random bits (RFC 4656 §4.1.2)."""
REFLECTOR_ERROR_ESTIMATE = 16 << 8 | 1
"""Not synchronised, NTP format, error 1·2^16·2^-32 s = 15 µs, the stamps of a busy host."""

_SENDER = struct.Struct("!IQHH28x")
_REFLECTOR = struct.Struct("!IQHHQIQHxxB3x")


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
        if self.error_estimate & _PTP_FORMAT:
            return _ptp_ns(self.timestamp) - _ptp_ns(self.receive_timestamp)
        units = (self.timestamp - self.receive_timestamp) % _ERA
        if units >= _ERA // 2:  # negative: the reflector's clock was set back
            units -= _ERA
        return units * _NS >> 32


def ntp_timestamp(unix_ns: int) -> int:
    """Nanoseconds since 1970 as a 64-bit NTP timestamp: 32 bits of seconds, 32 of fraction."""
    seconds, nanoseconds = divmod(unix_ns, _NS)
    return ((seconds + _NTP_EPOCH_SECS) << 32 | (nanoseconds << 32) // _NS) % _ERA


def encode_sender(packet: SenderPacket) -> bytes:
    """The 44 bytes of a session-sender test packet."""
    return _SENDER.pack(*packet)


def decode_sender(data: bytes) -> SenderPacket | None:
    """The test packet at the beginning of ``data``, or None when it is too short."""
    if len(data) < PACKET_BYTES:
        return None
    return SenderPacket(*_SENDER.unpack_from(data))


def encode_reflector(packet: ReflectorPacket) -> bytes:
    """The 44 bytes of a session-reflector test packet."""
    return _REFLECTOR.pack(*packet)


def decode_reflector(data: bytes) -> ReflectorPacket | None:
    """The reflected packet at the beginning of ``data``, or None when it is too short."""
    if len(data) < PACKET_BYTES:
        return None
    return ReflectorPacket(*_REFLECTOR.unpack_from(data))


def _ptp_ns(timestamp: int) -> int:
    """Truncated PTP format (RFC 8877 §4.3): 32 bits of seconds, 32 of nanoseconds."""
    seconds, nanoseconds = divmod(timestamp, 1 << 32)
    return seconds * _NS + nanoseconds
