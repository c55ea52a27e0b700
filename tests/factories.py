"""Rows for tests, by factory_boy: each is valid by itself, tests say only what matters to them.

Times are seconds since 1970 like in the models. Factories write no state that only the
engine or the controller may make up unless a test asks for it by name.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone
from factory.django import DjangoModelFactory

from failover import models as failover
from health import models as health

PASSWORD = "a long enough password"


class UserFactory(DjangoModelFactory):
    """A person without a role; the password is ``PASSWORD``."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password(PASSWORD)


class SiteFactory(DjangoModelFactory):
    class Meta:
        model = health.Site

    name = factory.Sequence(lambda n: f"Site {n}")


class VantageFactory(DjangoModelFactory):
    class Meta:
        model = health.Vantage

    name = factory.Sequence(lambda n: f"probe{n}")
    site = factory.SubFactory(SiteFactory)


class UplinkFactory(DjangoModelFactory):
    class Meta:
        model = health.Uplink

    vantage = factory.SubFactory(VantageFactory)
    name = factory.Sequence(lambda n: f"wan{n}")
    interface = factory.Sequence(lambda n: f"wan{n}")
    gateway = "192.0.2.1"
    provider = "Example Telecom"


class ProbeProfileFactory(DjangoModelFactory):
    class Meta:
        model = health.ProbeProfile

    name = factory.Sequence(lambda n: f"rhythm{n}")
    interval_ms = 500
    burst_ms = 50
    hold_ms = 500
    timeout_ms = 1000
    window_secs = 60


class SlaProfileFactory(DjangoModelFactory):
    class Meta:
        model = health.SlaProfile

    name = factory.Sequence(lambda n: f"limits{n}")


class PathFactory(DjangoModelFactory):
    """A path to the Internet over an uplink of its own, without targets."""

    class Meta:
        model = health.Path

    name = factory.Sequence(lambda n: f"Path {n}")
    uplink = factory.SubFactory(UplinkFactory)
    kind = "icmp"
    probe_profile = factory.SubFactory(ProbeProfileFactory)
    sla_profile = factory.SubFactory(SlaProfileFactory)


class PathTargetFactory(DjangoModelFactory):
    class Meta:
        model = health.PathTarget

    path = factory.SubFactory(PathFactory)
    address = factory.Sequence(lambda n: f"192.0.2.{n % 250 + 1}")


class CurrentHealthFactory(DjangoModelFactory):
    """A healthy path, measured just now."""

    class Meta:
        model = health.CurrentHealth

    path = factory.SubFactory(PathFactory)
    updated_at = factory.LazyFunction(time.time)
    last_checked = factory.SelfAttribute("updated_at")
    status = "up"
    reachable = True
    health_score = 100.0
    latency_ms = 20.0
    min_latency_ms = 18.0
    max_latency_ms = 25.0
    packet_loss_pct = 0.0
    jitter_ms = 1.5
    mos = 4.4
    sent = 120
    received = 120
    status_since = factory.LazyAttribute(lambda row: row.updated_at - 600)
    spark = factory.LazyFunction(lambda: [20.0] * 30)
    strip = "u" * 30


class HealthSampleFactory(DjangoModelFactory):
    """One healthy slot of ten seconds; the caller gives its time."""

    class Meta:
        model = health.HealthSample

    timestamp = factory.LazyFunction(lambda: int(time.time()) // 10 * 10)
    path = factory.SubFactory(PathFactory)
    sent = 20
    received = 20
    latency_ms = 20.0
    min_latency_ms = 18.0
    max_latency_ms = 25.0
    packet_loss_pct = 0.0
    jitter_ms = 1.5
    health_score = 100.0
    status = "up"
    known_secs = 10
    reachable_secs = 10
    bad_secs = 0


class StatusChangeFactory(DjangoModelFactory):
    class Meta:
        model = health.StatusChange

    timestamp = factory.LazyFunction(time.time)
    path = factory.SubFactory(PathFactory)
    old_status = "up"
    new_status = "down"
    reachable = False
    reason = "no_answer"


class MonitorLeaseFactory(DjangoModelFactory):
    """A monitor that renewed its lease just now."""

    class Meta:
        model = health.MonitorLease

    vantage = factory.SubFactory(VantageFactory)
    holder = "test:1:abcd"
    host = "test"
    pid = 1
    epoch = 1
    acquired_at = factory.LazyFunction(time.time)
    renewed_at = factory.LazyFunction(time.time)
    expires_at = factory.LazyAttribute(lambda row: row.renewed_at + 3600)
    paths = 1
    probes_per_sec = 2.0


class CurrentUplinkFactory(DjangoModelFactory):
    """An uplink whose interface is up and was counted just now."""

    class Meta:
        model = health.CurrentUplink

    uplink = factory.SubFactory(UplinkFactory)
    updated_at = factory.LazyFunction(time.time)
    link = "up"
    route = "verified"
    interface = "wan0"
    source = "192.0.2.7"
    gateway = "192.0.2.1"
    receive_bps = 8_000_000.0
    transmit_bps = 1_000_000.0
    receive_bytes = 5_000_000
    transmit_bytes = 700_000
    receive_packets = 5_000
    transmit_packets = 4_000
    counted_at = factory.SelfAttribute("updated_at")


class UplinkTrafficFactory(DjangoModelFactory):
    """What an uplink carried in one slot of ten seconds; the caller gives its time."""

    class Meta:
        model = health.UplinkTraffic

    timestamp = factory.LazyFunction(lambda: int(time.time()) // 10 * 10)
    uplink = factory.SubFactory(UplinkFactory)
    secs = 10.0
    receive_bytes = 1_000_000
    transmit_bytes = 250_000
    receive_packets = 1_000
    transmit_packets = 900
    receive_errors = 0
    transmit_errors = 0
    receive_drops = 0
    transmit_drops = 0


class FailoverPolicyFactory(DjangoModelFactory):
    """A policy; ``members`` are its paths in order: ``FailoverPolicyFactory(members=[a, b])``."""

    class Meta:
        model = failover.FailoverPolicy
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Policy {n}")

    @factory.post_generation
    def members(self, create: bool, paths: list[health.Path] | None, **_: Any) -> None:
        """Enter the paths in their order, the primary first."""
        for position, path in enumerate(paths or []):
            failover.PolicyMember.objects.create(policy=self, path=path, position=position)


class PolicyMemberFactory(DjangoModelFactory):
    class Meta:
        model = failover.PolicyMember

    policy = factory.SubFactory(FailoverPolicyFactory)
    path = factory.SubFactory(PathFactory)
    position = 0


class PolicyRouteFactory(DjangoModelFactory):
    class Meta:
        model = failover.PolicyRoute

    policy = factory.SubFactory(FailoverPolicyFactory)
    prefix = factory.Sequence(lambda n: f"10.{n % 250}.0.0/16")


class FailoverStateFactory(DjangoModelFactory):
    class Meta:
        model = failover.FailoverState

    policy = factory.SubFactory(FailoverPolicyFactory)
    active_since = factory.LazyFunction(timezone.now)
    evaluated_at = factory.LazyFunction(timezone.now)


class FailoverEventFactory(DjangoModelFactory):
    """A completed failover of a policy."""

    class Meta:
        model = failover.FailoverEvent

    timestamp = factory.LazyFunction(timezone.now)
    policy = factory.SubFactory(FailoverPolicyFactory)
    policy_uid = factory.SelfAttribute("policy.uid")
    policy_name = factory.SelfAttribute("policy.name")
    event_type = "completed"
    direction = "failover"
    reason = "Left the primary: it does not answer."
    generation = factory.Sequence(lambda n: n + 1)


class OutboxMessageFactory(DjangoModelFactory):
    class Meta:
        model = failover.OutboxMessage

    event = factory.SubFactory(FailoverEventFactory)
    topic = "actuate"
    created_at = factory.LazyFunction(timezone.now)
    next_attempt_at = factory.LazyFunction(timezone.now)


class OverrideFactory(DjangoModelFactory):
    class Meta:
        model = failover.Override

    policy = factory.SubFactory(FailoverPolicyFactory)
    path = factory.SubFactory(PathFactory)
    reason = "Provider asked us to"
    created_by_name = "operator"


class MaintenanceWindowFactory(DjangoModelFactory):
    """A window of one path that is open now."""

    class Meta:
        model = failover.MaintenanceWindow

    name = factory.Sequence(lambda n: f"Work {n}")
    path = factory.SubFactory(PathFactory)
    starts_at = factory.LazyFunction(lambda: timezone.now() - dt.timedelta(minutes=5))
    ends_at = factory.LazyFunction(lambda: timezone.now() + dt.timedelta(hours=1))


def measured_path(name: str, **current: Any) -> health.Path:
    """A path with one target and a current health; ``current`` overrides the healthy values."""
    path: health.Path = PathFactory(name=name)
    PathTargetFactory(path=path)
    CurrentHealthFactory(path=path, **current)
    return path


class NotificationChannelFactory(DjangoModelFactory):
    """An e-mail channel for all policies."""

    class Meta:
        model = failover.NotificationChannel
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"channel{n}")
    kind = "email"
    options = factory.LazyFunction(lambda: {"to": ["noc@example.com"]})


class PolicyHookFactory(DjangoModelFactory):
    """A command after completed switches."""

    class Meta:
        model = failover.PolicyHook

    policy = factory.SubFactory(FailoverPolicyFactory)
    name = factory.Sequence(lambda n: f"hook{n}")
    kind = "command"
    options = factory.LazyFunction(lambda: {"argv": ["/bin/true"]})
