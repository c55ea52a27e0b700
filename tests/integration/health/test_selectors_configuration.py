"""The configuration as the engine gets it, and the value that tells when to look again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from health.domain.path_spec import ProbeTiming, SlaLimits, TargetSpec
from health.domain.status import PathStatus
from health.models import Path, PathTarget
from health.selectors import configuration
from health.selectors.configuration import configuration_fingerprint, path_specs, paths_past
from tests.factories import (
    PathFactory,
    PathTargetFactory,
    ProbeProfileFactory,
    SlaProfileFactory,
    UplinkFactory,
    VantageFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db


def one_path(**changes: object) -> Path:
    path: Path = PathFactory(**changes)
    PathTargetFactory(path=path, address="192.0.2.1")
    return path


def spec_of(path: Path) -> object:
    (spec,) = path_specs(path.uplink.vantage.name)
    return spec


def test_a_path_becomes_a_spec_with_all_that_the_engine_needs() -> None:
    path = one_path(
        name="fibre",
        dscp=46,
        uplink=UplinkFactory(interface="wan7", source="192.0.2.200", fwmark=9),
        probe_profile=ProbeProfileFactory(interval_ms=10_000, timeout_ms=2_000, window_secs=600),
        sla_profile=SlaProfileFactory(latency_ms=150, packet_loss_pct=1, jitter_ms=20),
    )
    (spec,) = path_specs(path.uplink.vantage.name)
    assert (spec.key, spec.uid, spec.name, spec.kind) == (path.pk, str(path.uid), "fibre", "icmp")
    assert spec.targets == (TargetSpec(path.targets.get().pk, "192.0.2.1"),)
    assert spec.timing == ProbeTiming(10_000, 2_000, 50, 500, 600)
    assert spec.limits == SlaLimits(150, 1, 20, 0.4, 0.4, 0.2)
    assert (spec.source, spec.interface, spec.fwmark, spec.dscp) == ("192.0.2.200", "wan7", 9, 46)


def test_an_automatic_source_is_left_to_the_kernel() -> None:
    (spec,) = path_specs(one_path().uplink.vantage.name)
    assert (spec.source, spec.fwmark) == ("", 0)


@pytest.mark.parametrize(
    ("targets", "configured", "quorum"),
    [(1, None, 1), (2, None, 1), (3, None, 2), (4, None, 2), (5, None, 3), (3, 3, 3), (2, 9, 2)],
)
def test_the_quorum_is_half_of_the_targets_rounded_up_or_what_was_asked_for(
    targets: int, configured: int | None, quorum: int
) -> None:
    path = PathFactory(quorum=configured)
    PathTargetFactory.create_batch(targets, path=path)
    (spec,) = path_specs(path.uplink.vantage.name)
    assert spec.quorum == quorum


def test_a_kind_with_ports_has_its_default_port() -> None:
    path = PathFactory(kind="stamp")
    PathTargetFactory(path=path)
    PathTargetFactory(path=path, port=9_000)
    (spec,) = path_specs(path.uplink.vantage.name)
    assert [target.port for target in spec.targets] == [862, 9_000]


def test_only_enabled_paths_with_targets_of_this_vantage_are_probed() -> None:
    path = one_path()
    PathFactory(uplink=path.uplink)  # no target
    PathTargetFactory(path=PathFactory(uplink=path.uplink, enabled=False))
    one_path()  # of another vantage
    assert [spec.key for spec in path_specs(path.uplink.vantage.name)] == [path.pk]
    assert path_specs(VantageFactory().name) == []


def test_two_queries_whatever_the_number_of_paths() -> None:
    path = one_path()
    for _ in range(5):
        PathTargetFactory(path=PathFactory(uplink=path.uplink))
    with CaptureQueriesContext(connection) as queries:
        assert len(path_specs(path.uplink.vantage.name)) == 6
    assert len(queries) == 2


EDITS = {
    "path": lambda path: path.save(),
    "uplink": lambda path: path.uplink.save(),
    "probe profile": lambda path: path.probe_profile.save(),
    "SLA profile": lambda path: path.sla_profile.save(),
    "target": lambda path: path.targets.get().save(),
    "new target": lambda path: PathTargetFactory(path=path),
    "deleted target": lambda path: path.targets.all().delete(),
    "exchanged target": lambda path: (
        path.targets.all().delete(),
        PathTarget.objects.bulk_create([PathTarget(path=path, address="192.0.2.9")]),
    ),
    "deleted path": lambda path: path.delete(),
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_changes_the_fingerprint(edit: str) -> None:
    path = one_path()
    before = configuration_fingerprint()
    assert configuration_fingerprint() == before
    EDITS[edit](path)
    assert configuration_fingerprint() != before


def test_measurements_do_not_change_the_fingerprint() -> None:
    path = measured_path("fibre")
    before = configuration_fingerprint()
    path.current.latency_ms = 99
    path.current.save()
    assert configuration_fingerprint() == before


def test_what_was_known_before_this_loop_is_read_per_vantage() -> None:
    path = measured_path("fibre", status="down", reachable=False, probes_total=9)
    measured_path("elsewhere")
    known = paths_past(path.uplink.vantage.name)
    assert known.keys() == {path.pk}
    past = known[path.pk]
    assert (past.status, past.reachable, past.probes_total) == (PathStatus.DOWN, False, 9)


def test_who_reads_many_paths_lets_others_work_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(configuration, "ROWS_BETWEEN_RESTS", 2)
    uplink = UplinkFactory()
    for _ in range(5):
        PathTargetFactory(path__uplink=uplink)
    pauses: list[None] = []
    specs = path_specs(uplink.vantage.name, lambda: pauses.append(None))
    assert len(specs) == 5
    assert len(pauses) == 3 + 3  # among the targets, among the paths
