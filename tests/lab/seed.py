"""Fills the database of an installation in the branch: ``python -m tests.lab.seed`` as a child.

A process of its own, because Django is set up once per process and each installation has
its own database. Standard input says what is wanted (``tests.lab.product.Wanted``); rows are
made and nothing is started.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

VANTAGE = "branch"
PROFILE = {
    "use": "The lab: quick, and patient with a busy machine.",
    "interval_ms": 100,
    "burst_ms": 20,
    "hold_ms": 300,
    "timeout_ms": 500,
    "window_secs": 10,
}
"""Short windows, so that a test takes seconds; three targets make 30 probes a second."""


def main() -> None:
    """Migrate, then make the site, both uplinks, their paths and the policy."""
    wanted = json.load(sys.stdin)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdwan_site.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if wanted is not None:
        _seed(wanted)


def _seed(wanted: dict[str, Any]) -> None:
    from health.models import ProbeProfile, Site, SlaProfile, Vantage

    branch, office = (Site.objects.create(name=name) for name in ("Branch", "Head office"))
    vantage = Vantage.objects.create(name=wanted["vantage"], site=branch)
    ProbeProfile.objects.get_or_create(name="lab", defaults=PROFILE)
    profile = ProbeProfile.objects.get(name=wanted["profile"])
    limits = SlaProfile.objects.get(name="terrestrial")
    paths = [_path(vantage, office, profile, limits, row) for row in wanted["paths"]]
    _policy(wanted, paths)


def _path(vantage: Any, office: Any, profile: Any, limits: Any, row: dict[str, Any]) -> Any:
    from health.models import Path, PathTarget, Uplink

    uplink = Uplink.objects.create(
        vantage=vantage,
        name=row["name"].capitalize(),
        interface=row["interface"],
        probe_route="managed",
        provider=f"Provider of {row['interface']}",
    )
    path = Path.objects.create(
        name=row["name"],
        uplink=uplink,
        destination=office,
        probe_profile=profile,
        sla_profile=limits,
    )
    for address in row["targets"]:
        PathTarget.objects.create(path=path, address=address)
    return path


def _policy(wanted: dict[str, Any], paths: list[Any]) -> None:
    from failover.models import FailoverPolicy, PolicyMember, PolicyRoute

    policy = FailoverPolicy.objects.create(name="To head office", **wanted["policy"])
    for position, path in enumerate(paths):
        PolicyMember.objects.create(policy=policy, path=path, position=position)
    for family, prefix in wanted["routes"]:
        PolicyRoute.objects.create(policy=policy, family=family, prefix=prefix)


if __name__ == "__main__":
    main()
