"""Fills a fresh database with two paths and policies over them: ``python -m bench.faults.seed``.

A process of its own, because it talks to the database and the harness that forks must not.
"""

from __future__ import annotations

import argparse
import os

VANTAGE = "faults"
LINKS = ("fa0", "fa1")
GATEWAYS = ("10.201.0.2", "10.202.0.2")


def prefix_of(number: int) -> str:
    """What the policy of that number steers."""
    return f"10.77.{number}.0/24"


def main() -> None:
    """Migrate, then add the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--policies", type=int, required=True)
    parser.add_argument("--executor", default="dry_run")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdwan_site.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _add(options.policies, options.executor)


def _add(policies: int, executor: str) -> None:
    from failover.models import FailoverPolicy, PolicyMember, PolicyRoute
    from health.models import Path, PathTarget, ProbeProfile, Site, SlaProfile, Uplink, Vantage

    vantage = Vantage.objects.create(name=VANTAGE, site=Site.objects.create(name="Faults"))
    paths = []
    for number, (link, gateway) in enumerate(zip(LINKS, GATEWAYS, strict=True)):
        uplink = Uplink.objects.create(
            vantage=vantage, name=f"wan{number}", interface=link, gateway=gateway
        )
        path = Path.objects.create(
            name=f"path {number}",
            uplink=uplink,
            probe_profile=ProbeProfile.objects.get(name="balanced"),
            sla_profile=SlaProfile.objects.get(name="terrestrial"),
        )
        PathTarget.objects.create(path=path, address="127.0.0.1")
        paths.append(path)
    for number in range(policies):
        policy = FailoverPolicy.objects.create(
            name=f"policy {number}", executor=executor, failback_mode="never"
        )
        PolicyRoute.objects.create(policy=policy, prefix=prefix_of(number))
        for position, path in enumerate(paths):
            PolicyMember.objects.create(policy=policy, path=path, position=position)


if __name__ == "__main__":
    main()
