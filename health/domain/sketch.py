"""A small mergeable distribution of round-trip times with a bounded relative error.

Logarithmic buckets as in DDSketch (Masson, Rim, Lee, 2019): with α = 1 % bucket
k holds the values v with γ^(k−1) < v ≤ γ^k, γ = (1+α)/(1−α), and is read as
2γ^k/(γ+1), which is never more than α off. Merging adds counts, so roll-ups of
roll-ups are as exact as roll-ups of probes.

Wire form: one version byte, then per bucket the difference to the previous
bucket number and the count, both as unsigned LEB128. About 12 bytes for a slot.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

RELATIVE_ERROR = 0.01
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
_VERSION = 1


class SketchError(ValueError):
    """Bytes that are not a sketch, or one of a version this release can't read."""


class Sketch:
    """Counts of round-trip times by logarithmic bucket of whole microseconds."""

    def __init__(self, counts: Counter[int] | None = None) -> None:
        self._counts: Counter[int] = Counter() if counts is None else counts

    @property
    def count(self) -> int:
        """Number of values."""
        return self._counts.total()

    @classmethod
    def of(cls, rtts_ns: Iterable[int]) -> Sketch:
        """A sketch of round-trip times in nanoseconds."""
        log, ceil = math.log, math.ceil  # for each probe of each path: names cost, too
        return cls(
            Counter(
                [
                    ceil(log(rtt_ns / 1000) / _LOG_GAMMA) if rtt_ns > 1000 else 0
                    for rtt_ns in rtts_ns
                ]
            )
        )

    def add(self, rtt_ns: int) -> None:
        """Enter one round-trip time in nanoseconds; below 1 µs counts as 1 µs."""
        microseconds = max(1.0, rtt_ns / 1000)
        self._counts[math.ceil(math.log(microseconds) / _LOG_GAMMA)] += 1

    def merge(self, other: Sketch) -> Sketch:
        """A sketch of the values of both."""
        return Sketch(self._counts + other._counts)

    def quantile_ms(self, fraction: float) -> float | None:
        """The value below which ``fraction`` (0–1) of all lie, in milliseconds; None if empty."""
        rank = fraction * (self.count - 1)
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen > rank:
                return 2 * _GAMMA**bucket / (_GAMMA + 1) / 1000
        return None

    def buckets_ms(self) -> Iterator[tuple[float, int]]:
        """Value in milliseconds (at most 1 % off) and count of each bucket, smallest first."""
        for bucket in sorted(self._counts):
            yield 2 * _GAMMA**bucket / (_GAMMA + 1) / 1000, self._counts[bucket]

    def to_bytes(self) -> bytes:
        """The wire form; empty bytes for an empty sketch."""
        if not self._counts:
            return b""
        encoded = bytearray([_VERSION])
        previous = 0
        for bucket in sorted(self._counts):
            encoded += _leb128(bucket - previous)
            encoded += _leb128(self._counts[bucket])
            previous = bucket
        return bytes(encoded)

    @classmethod
    def from_bytes(cls, data: bytes) -> Sketch:
        """Read the wire form; raises ``SketchError`` on anything else."""
        if not data:
            return cls()
        if data[0] != _VERSION:
            raise SketchError(f"sketch version {data[0]} is unknown; this release reads {_VERSION}")
        numbers = list(_read_leb128(data[1:]))
        if len(numbers) % 2:
            raise SketchError("sketch ends within a bucket")
        counts: Counter[int] = Counter()
        bucket = 0
        for step, count in zip(numbers[::2], numbers[1::2], strict=True):
            bucket += step
            counts[bucket] = count
        return cls(counts)


def _leb128(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read_leb128(data: Iterable[int]) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield number
            number = shift = 0
    if shift:
        raise SketchError("sketch ends within a number")
