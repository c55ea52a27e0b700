"""What may follow the 44 bytes of a test packet: TLVs (RFC 8972 §4) or plain padding.

A reflector returns them, so that the answer is as long as the question, and says
of each whether it understood it. Pure.
"""

from __future__ import annotations

import struct

UNRECOGNISED = 0x80
"""The U flag: the sender sets it, a reflector that understands the TLV clears it."""
MALFORMED = 0x40
"""The M flag: the length goes beyond the packet, nothing behind it was looked at."""
EXTRA_PADDING = 1
MAX_TLVS = 16
"""More in one packet are returned without being looked at."""

_HEADER = struct.Struct("!BBH")
_RESERVED = 0


def reflect_tlvs(tail: bytes) -> bytes:
    """The bytes behind the answer for the ``tail`` behind the question; the same length.

    Extra Padding is the one type that is understood: it wants to come back, no
    more. Type 0 does not exist: what begins like that is padding.
    """
    reflected = bytearray(tail)
    offset = 0
    for _ in range(MAX_TLVS):
        if len(tail) - offset < _HEADER.size:
            break
        flags, kind, length = _HEADER.unpack_from(tail, offset)
        if kind == _RESERVED:
            break
        end = offset + _HEADER.size + length
        flags = flags & ~UNRECOGNISED if kind == EXTRA_PADDING else flags | UNRECOGNISED
        reflected[offset] = flags & ~MALFORMED if end <= len(tail) else flags | MALFORMED
        if end > len(tail):
            break
        offset = end
    return bytes(reflected)
