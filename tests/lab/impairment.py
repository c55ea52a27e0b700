"""What a line does to packets: delay, jitter, loss, bursts of loss, silence, policed echoes.

One ``Lane`` is one direction of one line. It decides and counts; the clock, the packets
and the devices are the emulator's.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, fields
from typing import Literal

Fate = Literal["passed", "lost", "silenced", "policed"]
FATES: tuple[Fate, ...] = ("passed", "lost", "silenced", "policed")
_ECHOES = {4: (0, 8), 6: (128, 129)}


@dataclass(frozen=True, slots=True)
class Impairment:
    """How a direction is now. All zeros: packets pass at once.

    ``jitter_ms``: the delay of each packet is uniform in ``delay_ms`` ± ``jitter_ms``, never
    below 0; packets keep their order, as in a queue. ``loss_pct``: each packet by itself.
    ``burst_*``: a Gilbert–Elliott channel (Gilbert 1960, Elliott 1963) that changes its state
    per packet: ``burst_start_pct`` from good to bad, ``burst_end_pct`` back (mean length of a
    burst 100 / ``burst_end_pct`` packets), ``burst_loss_pct`` lost while bad. ``blackhole``:
    nothing passes. ``echo_per_sec``: so many ICMP echo packets a second pass, after a first
    second's worth; 0: all.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_pct: float = 0.0
    burst_start_pct: float = 0.0
    burst_end_pct: float = 100.0
    burst_loss_pct: float = 100.0
    blackhole: bool = False
    echo_per_sec: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0:
                raise ValueError(f"{field.name} is {value}; it can't be below 0.")
            if field.name.endswith("_pct") and value > 100:
                raise ValueError(f"{field.name} is {value}; a share is at most 100 percent.")

    @property
    def mean_loss_pct(self) -> float:
        """The share of packets that get lost in the long run."""
        if self.blackhole:
            return 100.0
        leaves = self.burst_start_pct + self.burst_end_pct
        in_bursts = self.burst_loss_pct * self.burst_start_pct / leaves if leaves else 0.0
        return 100 - (100 - self.loss_pct) * (100 - in_bursts) / 100


class Lane:
    """One direction of a line. The same ``seed`` and packets give the same fates."""

    def __init__(self, seed: str) -> None:
        self.impairment = Impairment()
        self.counts: Counter[Fate] = Counter()
        self._dice = random.Random(seed)
        self._in_burst = False
        self._free_at = 0.0
        self._echo_at = 0.0

    def fate(self, packet: bytes, now: float) -> float | None:
        """When the packet that came in at ``now`` (seconds) comes out; None: never."""
        fate = self._decide(packet, now)
        self.counts[fate] += 1
        return self._released(now) if fate == "passed" else None

    def _decide(self, packet: bytes, now: float) -> Fate:
        way = self.impairment
        if way.blackhole:
            return "silenced"
        if way.echo_per_sec and is_echo(packet) and not self._echo_may_pass(now):
            return "policed"
        if self._lost_in_burst() or self._dice.random() * 100 < way.loss_pct:
            return "lost"
        return "passed"

    def _lost_in_burst(self) -> bool:
        way = self.impairment
        if not way.burst_start_pct:
            self._in_burst = False
            return False
        roll = self._dice.random() * 100
        self._in_burst = roll >= way.burst_end_pct if self._in_burst else roll < way.burst_start_pct
        return self._in_burst and self._dice.random() * 100 < way.burst_loss_pct

    def _echo_may_pass(self, now: float) -> bool:
        if now < self._echo_at:
            return False
        self._echo_at = max(self._echo_at, now - 1.0) + 1 / self.impairment.echo_per_sec
        return True

    def _released(self, now: float) -> float:
        way = self.impairment
        delay_ms = way.delay_ms + self._dice.uniform(-way.jitter_ms, way.jitter_ms)
        self._free_at = max(self._free_at, now + max(0.0, delay_ms) / 1000)
        return self._free_at


def is_echo(packet: bytes) -> bool:
    """True for ICMP echo requests and replies (RFC 792, RFC 4443 §4)."""
    version = packet[0] >> 4
    protocol, header = (packet[9], (packet[0] & 15) * 4) if version == 4 else (packet[6], 40)
    echoes = _ECHOES.get(version, ())
    return protocol == (1 if version == 4 else 58) and packet[header] in echoes
