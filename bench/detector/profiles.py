"""The built-in probe profiles, each with the line it is meant for.

The figures are those of the rows that every installation has (a test compares them).
"""

from __future__ import annotations

from typing import NamedTuple

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec


class Base(NamedTuple):
    """A line on a good day: mean and standard deviation of its round-trip time in ms."""

    rtt_ms: float
    deviation_ms: float


class Profile(NamedTuple):
    """Probe profile, SLA limits, a line to try it on, and the policy's failback delay."""

    name: str
    timing: ProbeTiming
    bad_secs_needed: int
    limits: SlaLimits
    base: Base
    failback_delay_secs: float
    warm_secs: int = 90
    """How long a trial runs before anything happens: a full window, and some."""

    def spec(self, targets: int = 1) -> PathSpec:
        """A path with this profile and so many targets, quorum half of them.

        Probed by STAMP: other kinds are asked ten times a second at most, which would
        stretch the profile "fast".
        """
        return PathSpec(
            key=1,
            uid=self.name,
            name="primary",
            kind="stamp",
            targets=tuple(TargetSpec(n, f"192.0.2.{n}") for n in range(1, targets + 1)),
            quorum=-(-targets // 2),
            timing=self.timing,
            limits=self.limits,
        )


_TERRESTRIAL, _LTE = SlaLimits(), SlaLimits(150.0, 3.0, 40.0)
_GEO = SlaLimits(800.0, 3.0, 60.0)
_NEAR, _RADIO, _SATELLITE = Base(20.0, 3.0), Base(60.0, 15.0), Base(600.0, 30.0)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("realtime", ProbeTiming(200, 1000, 50, 500), 8, _TERRESTRIAL, _NEAR, 60.0),
        Profile("balanced", ProbeTiming(500, 1000, 50, 500), 8, _TERRESTRIAL, _NEAR, 60.0),
        Profile("frugal", ProbeTiming(1000, 1000, 50, 500), 8, _TERRESTRIAL, _NEAR, 60.0),
        Profile("cellular", ProbeTiming(1000, 2000, 100, 2000), 10, _LTE, _RADIO, 300.0),
        Profile("geo", ProbeTiming(1000, 3000, 200, 3000), 8, _GEO, _SATELLITE, 300.0),
        Profile(
            "metered", ProbeTiming(10_000, 2000, 200, 2000, 600), 8, _TERRESTRIAL, _NEAR, 600.0, 700
        ),
        Profile("fast", ProbeTiming(50, 500, 10, 200), 8, _TERRESTRIAL, _NEAR, 60.0),
    )
}
