"""What an operator configures: policies, their ordered members, and the routes they steer."""

from __future__ import annotations

import ipaddress
import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from failover.domain.strategies import STRATEGIES
from failover.executors import EXECUTORS
from failover.executors.base import Connections, Selectors
from failover.models.validators import validate_role_source, validate_time_zone, validate_windows
from health.models import Path
from health.models.validators import validate_interface_name


def strategy_choices() -> list[tuple[str, str]]:
    """The registered strategies; a callable, so that a new one needs no migration."""
    return [(key, strategy.label) for key, strategy in STRATEGIES.items()]


def executor_choices() -> list[tuple[str, str]]:
    """The registered executors; a callable, so that a new one needs no migration."""
    return [(key, executor.label) for key, executor in EXECUTORS.items()]


def connections_choices() -> list[tuple[str, str]]:
    """Which connections a switch may forget."""
    return [
        (Connections.NONE.value, "None"),
        (Connections.OLD_PATH.value, "Those of the path that was left"),
        (Connections.ALL.value, "All"),
    ]


class PolicyMode(models.TextChoices):
    """Whether a policy acts on its decisions."""

    AUTOMATIC = "automatic", "Automatic"
    OBSERVE = "observe", "Observe only"


class FailbackMode(models.TextChoices):
    """How traffic returns to a better path."""

    AUTOMATIC = "automatic", "Automatic, after the failback delay"
    WINDOW = "window", "Automatic, but only inside the failback window"
    MANUAL = "manual", "Only when an operator says so"
    NEVER = "never", "Never"


class FailoverPolicy(models.Model):
    """Which path carries what, and when that changes. The rules: ``failover.domain.decision``."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=200, blank=True)
    enabled = models.BooleanField(default=True)
    mode = models.CharField(
        max_length=10,
        choices=PolicyMode,
        default=PolicyMode.AUTOMATIC,
        help_text="'Observe only' says what it would do and moves nothing.",
    )
    strategy = models.CharField(max_length=20, choices=strategy_choices, default="priority")
    executor = models.CharField(
        max_length=20,
        choices=executor_choices,
        default="dry_run",
        help_text="What moves the traffic. 'Dry run' shows the exact changes and makes none.",
    )
    executor_options = models.JSONField(default=dict, blank=True)
    connections = models.CharField(
        max_length=10,
        choices=connections_choices,
        default=Connections.OLD_PATH.value,
        help_text="Which tracked connections are forgotten after a switch, so that they are "
        "translated to the new line's address: those of the path that was left, all, or none.",
    )
    ipv6_default_declared = models.BooleanField(
        "IPv6 default route declared",
        default=False,
        help_text="There is provider-independent space, NPTv6, or a hook that deprecates the old "
        "prefix: without, hosts keep addresses that the other provider drops.",
    )
    failover_threshold = models.FloatField(
        default=50.0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="The active path is left when its score stays below this.",
    )
    failback_threshold = models.FloatField(
        default=80.0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="A better path must score at least this to be returned to.",
    )
    failback_delay_secs = models.PositiveIntegerField(
        default=60,
        validators=[MaxValueValidator(86_400)],
        help_text="How long it must do so without interruption.",
    )
    failback_mode = models.CharField(
        max_length=10, choices=FailbackMode, default=FailbackMode.AUTOMATIC
    )
    damping = models.BooleanField(
        default=True,
        help_text="Wait longer before each further return to a path that keeps failing.",
    )
    failback_window = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_windows],
        help_text="For the mode 'inside the failback window': when traffic may return, such as "
        "'Mon-Fri 02:00-04:00; Sat,Sun 00:00-06:00'.",
    )
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="Of the failback window and of the members' schedules, such as "
        "Europe/Berlin. Empty: the zone of this installation.",
    )
    role_source = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_role_source],
        help_text="A file in which a router pair says its role: MASTER, BACKUP or FAULT, as "
        "keepalived's notify script writes it. Only the MASTER acts. Empty: always this one.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_failover_policies"
        ordering = ["name"]
        verbose_name_plural = "failover policies"
        permissions = [("operate_failoverpolicy", "Can switch, pause and pin a policy")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""),
                name="policy_name_not_empty",
                violation_error_message="Give the policy a name.",
            ),
            models.CheckConstraint(
                condition=Q(
                    failover_threshold__gte=0,
                    failover_threshold__lte=100,
                    failback_threshold__gte=0,
                    failback_threshold__lte=100,
                ),
                name="policy_thresholds_in_range",
                violation_error_message="Thresholds are scores from 0 to 100.",
            ),
            models.CheckConstraint(
                condition=Q(failover_threshold__lt=F("failback_threshold")),
                name="policy_failover_below_failback",
                violation_error_message="failover_threshold must be below failback_threshold, "
                "or traffic would go back to a path that is left again at once.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PolicyMember(models.Model):
    """A path in the order of preference of a policy; position 0 is the primary."""

    policy = models.ForeignKey(FailoverPolicy, on_delete=models.CASCADE, related_name="members")
    path = models.ForeignKey(Path, on_delete=models.PROTECT, related_name="memberships")
    position = models.PositiveSmallIntegerField(
        help_text="0 is the primary; backups follow in the order in which they are tried."
    )
    schedule = models.CharField(
        max_length=200,
        blank=True,
        validators=[validate_windows],
        help_text="When the path may be used, such as 'Mon-Fri 08:00-18:00; 22:00-06:00'. "
        "Empty: always.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_failover_members"
        ordering = ["policy", "position"]
        verbose_name = "member"
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "path"],
                name="member_path_unique_in_policy",
                violation_error_message="The policy already has this path.",
            ),
            models.UniqueConstraint(
                fields=["policy", "position"],
                name="member_position_unique_in_policy",
                violation_error_message="Two members can't have the same position.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.path_id}"


class AddressFamily(models.IntegerChoices):
    """IP version of a route."""

    IPV4 = 4, "IPv4"
    IPV6 = 6, "IPv6"


def validate_prefix(value: str) -> None:
    """``default`` or a network in CIDR form without host bits."""
    if value == "default":
        return
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValidationError(
            f"{value!r} is neither 'default' nor a network such as 10.2.0.0/16: {error}.",
            code="prefix",
        ) from None


def validate_network(value: str) -> None:
    """A network in CIDR form without host bits."""
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValidationError(
            f"{value!r} is no network such as 10.2.0.0/16: {error}.", code="network"
        ) from None


class PolicyRoute(models.Model):
    """What a policy steers: a prefix in a table, or a rule's traffic into a table."""

    policy = models.ForeignKey(FailoverPolicy, on_delete=models.CASCADE, related_name="routes")
    family = models.PositiveSmallIntegerField(choices=AddressFamily, default=AddressFamily.IPV4)
    prefix = models.CharField(max_length=49, default="default", validators=[validate_prefix])
    table = models.PositiveIntegerField(default=254, help_text="Routing table; 254 is main.")
    metric = models.PositiveIntegerField(
        default=50, help_text="Lower than the metric of the system's own route."
    )
    rule_source = models.CharField(max_length=49, blank=True, validators=[validate_network])
    rule_destination = models.CharField(max_length=49, blank=True, validators=[validate_network])
    rule_interface = models.CharField(
        max_length=15, blank=True, validators=[validate_interface_name]
    )
    rule_dscp = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(63)]
    )
    rule_fwmark = models.PositiveIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_policy_routes"
        ordering = ["policy", "family", "prefix"]
        constraints = [
            models.UniqueConstraint(
                "policy",
                "family",
                "prefix",
                "table",
                "metric",
                "rule_source",
                "rule_destination",
                "rule_interface",
                Coalesce("rule_dscp", -1),
                Coalesce("rule_fwmark", -1),
                name="route_unique_in_policy",
                violation_error_message="The policy already steers this route.",
            )
        ]

    def __str__(self) -> str:
        words = f"{self.prefix} table {self.table} metric {self.metric}"
        chosen = self.selectors.text()
        return f"{words} {chosen}" if chosen else words

    @property
    def selectors(self) -> Selectors:
        """The traffic that a rule leads into the table; empty for all that looks there."""
        return Selectors(
            self.rule_source,
            self.rule_destination,
            self.rule_interface,
            self.rule_dscp,
            self.rule_fwmark,
        )

    def clean(self) -> None:
        """The networks must be of the route's own family."""
        problems = {}
        for field in ("prefix", "rule_source", "rule_destination"):
            value = getattr(self, field)
            version = _version_of(value)
            if version not in {None, self.family}:
                problems[field] = f"{value} is IPv{version}, the family says IPv{self.family}."
        if problems:
            raise ValidationError(problems)


def _version_of(network: str) -> int | None:
    """The IP version; None for what is no network, which the field's validator has said."""
    try:
        return ipaddress.ip_network(network).version
    except ValueError:
        return None
