"""Fills a fresh database with paths for a benchmark: ``python -m bench.probing.seed`` as a child.

A process of its own, because Django is set up once per process and each
installation has its own database. No more than rows is made here.
"""

from __future__ import annotations

import argparse
import os

from bench.probing.network import loopback_addresses
from bench.probing.slow_line import slow_addresses

VANTAGE = "bench"
CHUNK = 1_000


def main() -> None:
    """Migrate, then add ``--paths`` paths with one target each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--paths", type=int, required=True)
    parser.add_argument("--profile", default="frugal")
    parser.add_argument("--disabled-from", type=int, help="paths from this number on are disabled")
    parser.add_argument("--slow", action="store_true", help="targets behind the slow line")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdwan_site.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    last = options.paths if options.disabled_from is None else options.disabled_from
    addresses = (slow_addresses if options.slow else loopback_addresses)(options.paths)
    _add_paths(addresses, options.profile, last)


def _add_paths(addresses: list[str], profile_name: str, enabled: int) -> None:
    from health.models import Path, PathTarget, ProbeProfile, Site, SlaProfile, Uplink, Vantage

    vantage, _ = Vantage.objects.get_or_create(
        name=VANTAGE, defaults={"site": Site.objects.get_or_create(name="Bench")[0]}
    )
    uplink, _ = Uplink.objects.get_or_create(vantage=vantage, name="wan")
    profile = ProbeProfile.objects.get(name=profile_name)
    limits = SlaProfile.objects.get(name="terrestrial")
    count, present = len(addresses), Path.objects.count()
    Path.objects.bulk_create(
        (
            Path(
                name=f"path {n}",
                uplink=uplink,
                probe_profile=profile,
                sla_profile=limits,
                enabled=n < enabled,
            )
            for n in range(present, count)
        ),
        batch_size=CHUNK,
    )
    keys = list(Path.objects.order_by("id").values_list("pk", flat=True))
    PathTarget.objects.bulk_create(
        (PathTarget(path_id=keys[n], address=addresses[n]) for n in range(present, count)),
        batch_size=CHUNK,
    )


if __name__ == "__main__":
    main()
