"""What of a path's configuration is on the wire, and what only judges it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec

SPEC = PathSpec(
    key=1,
    uid="uid",
    name="fibre",
    kind="icmp",
    targets=(TargetSpec(1, "192.0.2.1"),),
    quorum=1,
    timing=ProbeTiming(500, 1_000, 50, 500),
    limits=SlaLimits(),
)


@pytest.mark.parametrize(
    "edited",
    [
        replace(SPEC, name="cable"),
        replace(SPEC, quorum=2),
        replace(SPEC, limits=SlaLimits(latency_ms=300)),
    ],
    ids=["name", "quorum", "limits"],
)
def test_an_edit_of_names_or_limits_sends_the_same_packets(edited: PathSpec) -> None:
    assert SPEC.probes_like(edited)
    assert edited.wire_text() == SPEC.wire_text()


@pytest.mark.parametrize(
    "edited",
    [
        replace(SPEC, kind="stamp"),
        replace(SPEC, targets=(TargetSpec(1, "192.0.2.2"),)),
        replace(SPEC, targets=(*SPEC.targets, TargetSpec(2, "192.0.2.2"))),
        replace(SPEC, timing=ProbeTiming(1_000, 1_000, 50, 500)),
        replace(SPEC, source="192.0.2.9"),
        replace(SPEC, interface="wan1"),
        replace(SPEC, fwmark=7),
        replace(SPEC, dscp=46),
    ],
    ids=["kind", "address", "targets", "timing", "source", "interface", "fwmark", "dscp"],
)
def test_an_edit_of_the_wire_makes_other_packets(edited: PathSpec) -> None:
    assert not SPEC.probes_like(edited)
    assert edited.wire_text() != SPEC.wire_text()


def test_times_are_converted_to_nanoseconds() -> None:
    assert SPEC.timing.interval_ns == 500_000_000
    assert SPEC.timing.timeout_ns == 1_000_000_000
