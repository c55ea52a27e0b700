"""Writing a round of 1,000 samples and current health, beside Django's bulk_create.

Uses a SQLite database of its own in a temporary directory.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable

PATHS = 1_000
ROUNDS = 7


def main() -> None:
    """Make a database with 1,000 paths, write rounds both ways, report."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["PATHWARDEN_DATA_DIR"] = directory
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdwan_site.settings")
        import django

        django.setup()
        _measure()


def _measure() -> None:
    from django.core.management import call_command

    from bench.report import median_figure, report
    from health.domain.sample import Sample
    from health.domain.status import PathStatus
    from health.models import HealthSample, Path, ProbeProfile, Site, SlaProfile, Uplink, Vantage
    from health.monitoring.writer import Batch, write_batch

    call_command("migrate", verbosity=0)
    vantage = Vantage.objects.create(name="bench", site=Site.objects.create(name="Bench"))
    uplink = Uplink.objects.create(vantage=vantage, name="wan")
    Path.objects.bulk_create(
        Path(
            name=f"path {n}",
            uplink=uplink,
            probe_profile=ProbeProfile.objects.get(name="balanced"),
            sla_profile=SlaProfile.objects.get(name="terrestrial"),
        )
        for n in range(PATHS)
    )
    keys = list(Path.objects.values_list("pk", flat=True))

    def samples(slot: int) -> list[Sample]:
        return [
            Sample(
                timestamp=slot,
                path=key,
                sent=20,
                received=20,
                latency_ms=12.5,
                min_latency_ms=11.0,
                max_latency_ms=15.0,
                packet_loss_pct=0.0,
                jitter_ms=0.5,
                forward_loss_pct=None,
                backward_loss_pct=None,
                forward_jitter_ms=None,
                backward_jitter_ms=None,
                health_score=100.0,
                status=PathStatus.UP,
                known_secs=10,
                reachable_secs=10,
                bad_secs=0,
                sketch=b"",
            )
            for key in keys
        ]

    def raw(slot: int) -> None:
        write_batch(Batch(samples=samples(slot)), epoch=1)

    def bulk(slot: int) -> None:
        columns = [field.attname for field in HealthSample._meta.fields if field.attname != "id"]
        HealthSample.objects.bulk_create(
            HealthSample(**dict(zip(columns, sample, strict=True))) for sample in samples(slot)
        )

    ours, theirs = [], []
    for turn in range(ROUNDS):
        ours.append(_timed(raw, 10 * turn))
        theirs.append(_timed(bulk, 10 * (turn + 1_000)))
    report(
        "writer",
        [
            median_figure("raw upsert with merge check, 1,000 samples", ours, "ms"),
            median_figure("bulk_create, 1,000 samples", theirs, "ms"),
        ],
    )


def _timed(work: Callable[[int], None], slot: int) -> float:
    began = time.perf_counter()
    work(slot)
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    main()
