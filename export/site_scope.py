"""What a token of one site may see: the rows of that site, and no others.

A path belongs to the site of its probe host, a policy to the sites of its
members. A row of another site does not exist for the token (404, not 403).
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from failover.models import FailoverEvent, FailoverPolicy, PolicyMember
from health.models import Path, Site, Uplink


def sites_of(site_id: int | None) -> QuerySet[Site]:
    """All sites, or the one."""
    return Site.objects.all() if site_id is None else Site.objects.filter(pk=site_id)


def uplinks_of(site_id: int | None) -> QuerySet[Uplink]:
    """The uplinks of the site's probe hosts."""
    rows = Uplink.objects.all()
    return rows if site_id is None else rows.filter(vantage__site_id=site_id)


def paths_of(site_id: int | None) -> QuerySet[Path]:
    """The paths that are probed from the site."""
    rows = Path.objects.all()
    return rows if site_id is None else rows.filter(uplink__vantage__site_id=site_id)


def policies_of(site_id: int | None) -> QuerySet[FailoverPolicy]:
    """The policies with a member that is probed from the site."""
    rows = FailoverPolicy.objects.all()
    if site_id is None:
        return rows
    # Not a join through the members: that would repeat a policy per member.
    members = PolicyMember.objects.filter(path__uplink__vantage__site_id=site_id)
    return rows.filter(pk__in=members.values("policy"))


def events_of(site_id: int | None) -> QuerySet[FailoverEvent]:
    """The events of the site's policies; of deleted ones, those that name a path of the site."""
    rows = FailoverEvent.objects.all()
    if site_id is None:
        return rows
    paths = paths_of(site_id).values("pk")
    orphans = Q(policy__isnull=True) & (Q(from_path__in=paths) | Q(to_path__in=paths))
    return rows.filter(Q(policy__in=policies_of(site_id).values("pk")) | orphans)
