"""The configuration of a path as the engine sees it: plain values, no database rows.

Made by ``health.selectors`` from the models, compared by the engine to find out
what an edit changed. Field names and units are those of the models.
"""

from __future__ import annotations

from dataclasses import dataclass

NANOSECONDS_PER_MS = 1_000_000
SUSPECT_FLOOR_MS = 100
FAST_SUSPECT_FLOOR_MS = 50
FAST_INTERVAL_MS = 50
"""Who probes this often is near by and wants to know sooner (profile "fast")."""


@dataclass(frozen=True, slots=True)
class ProbeTiming:
    """When to probe a target and when to give up; all values in milliseconds."""

    interval_ms: int
    timeout_ms: int
    burst_ms: int
    hold_ms: int
    window_secs: int = 60
    """Length of the statistics window; never fewer than 60 base probes long."""

    @property
    def interval_ns(self) -> int:
        """Spacing of base probes to one target in nanoseconds."""
        return self.interval_ms * NANOSECONDS_PER_MS

    @property
    def hold_ns(self) -> int:
        """How long a run of suspects must last before a target is dead, in nanoseconds."""
        return self.hold_ms * NANOSECONDS_PER_MS

    @property
    def suspect_floor_ns(self) -> int:
        """The least age in nanoseconds at which silence is suspicious."""
        fast = self.interval_ms <= FAST_INTERVAL_MS
        return (FAST_SUSPECT_FLOOR_MS if fast else SUSPECT_FLOOR_MS) * NANOSECONDS_PER_MS

    @property
    def timeout_ns(self) -> int:
        """Age in nanoseconds at which an unanswered probe is lost."""
        return self.timeout_ms * NANOSECONDS_PER_MS


@dataclass(frozen=True, slots=True)
class SlaLimits:
    """Where latency, loss and jitter start to cost points, and how much each weighs.

    ``latency_ms`` and ``jitter_ms`` in milliseconds, ``packet_loss_pct`` in
    percent; the three weights sum to 1.
    """

    latency_ms: float = 100.0
    packet_loss_pct: float = 2.0
    jitter_ms: float = 10.0
    latency_weight: float = 0.4
    packet_loss_weight: float = 0.4
    jitter_weight: float = 0.2


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """One place that answers probes for a path.

    ``key`` is unique among all targets of the engine, ``address`` a literal
    IPv4 or IPv6 address or a name, ``port`` None for kinds without ports.
    ``request``, ``expected_text`` and ``expected_status`` are those of
    ``health.probers.base.WireTarget``.
    """

    key: int
    address: str
    port: int | None = None
    request: str = ""
    expected_text: str = ""
    expected_status: int = 0


@dataclass(frozen=True, slots=True)
class PathSpec:
    """Everything the engine must know to measure one path.

    ``key`` is the primary key of the path, ``uid`` its stable identity,
    ``quorum`` the number of targets that must answer. ``uplink`` is the primary key of
    its uplink, whose state (``UplinkState``) overrides ``source`` and
    ``interface`` where it knows better. ``source`` is the source
    address ("" lets the kernel choose), ``interface`` the device to bind to
    ("" for none), ``fwmark`` the routing mark (0 for none), ``dscp`` 0–63.
    """

    key: int
    uid: str
    name: str
    kind: str
    targets: tuple[TargetSpec, ...]
    quorum: int
    timing: ProbeTiming
    limits: SlaLimits
    uplink: int = 0
    source: str = ""
    interface: str = ""
    fwmark: int = 0
    dscp: int = 0

    def probes_like(self, other: PathSpec) -> bool:
        """True when both specs put the same packets on the same wire.

        If not, what was measured with one says nothing about the other and
        the window must restart.
        """
        return self._wire() == other._wire()

    def wire_text(self) -> str:
        """The part of the spec that ``probes_like`` compares, as text for a checkpoint."""
        return repr(self._wire())

    def _wire(self) -> tuple[object, ...]:
        return (
            self.kind,
            self.targets,
            self.timing,
            self.uplink,
            self.source,
            self.interface,
            self.fwmark,
            self.dscp,
        )
