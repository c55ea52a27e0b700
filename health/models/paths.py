"""What is measured: paths and their targets."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from health.models.inventory import Site, Uplink
from health.models.profiles import ProbeProfile, SlaProfile
from health.models.validators import validate_target_address
from health.probers import PROBERS
from health.probers.asked import Asked

MOST_LAYERS = 4
"""Tunnels in tunnels; more is a circle or a mistake."""


def prober_choices() -> list[tuple[str, str]]:
    """The registered probe kinds; a callable, so that a new kind needs no migration."""
    return [(kind, prober.label) for kind, prober in PROBERS.items()]


class Path(models.Model):
    """A way over one uplink to a place, measured through one or more targets."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    uplink = models.ForeignKey(Uplink, on_delete=models.PROTECT, related_name="paths")
    destination = models.ForeignKey(
        Site,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="incoming_paths",
        help_text="The site the path leads to. Empty: the Internet.",
    )
    kind = models.CharField(
        max_length=10, choices=prober_choices, default="icmp", help_text="What is sent as a probe."
    )
    probe_profile = models.ForeignKey(ProbeProfile, on_delete=models.PROTECT, related_name="paths")
    sla_profile = models.ForeignKey(
        SlaProfile, on_delete=models.PROTECT, related_name="paths", verbose_name="SLA profile"
    )
    quorum = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many targets must answer. Empty: half of them, rounded up.",
    )
    dscp = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(63)],
        verbose_name="DSCP",
        help_text="Traffic class of the probes, 0–63 (46 is EF, voice).",
    )
    rides_on = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="overlays",
        help_text="For a tunnel: the path that carries its packets. After a switch there, "
        "policies give the tunnel 30 s to settle.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: not probed, shown as paused.")
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_paths"
        ordering = ["name"]
        permissions = [("probe_path", "Can probe a path on demand")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""),
                name="path_name_not_empty",
                violation_error_message="Give the path a name.",
            ),
            models.CheckConstraint(
                condition=Q(dscp__lte=63),
                name="path_dscp_in_range",
                violation_error_message="DSCP is a number from 0 to 63.",
            ),
            models.CheckConstraint(
                condition=Q(quorum__isnull=True) | Q(quorum__gte=1),
                name="path_quorum_positive",
                violation_error_message="The quorum is at least 1.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A tunnel rides on another path of the same host, and never on itself."""
        below = self.rides_on
        if below is None:
            return
        if self.uplink_id and below.uplink.vantage_id != self.uplink.vantage_id:
            raise ValidationError(
                {
                    "rides_on": f"{below.name} is probed by {below.uplink.vantage.name}, this path "
                    f"by {self.uplink.vantage.name}: choose a path of the same probe host."
                }
            )
        carrier: Path | None = below
        for _ in range(MOST_LAYERS):
            if carrier is None:
                return
            if self.pk is not None and carrier.pk == self.pk:
                break
            carrier = carrier.rides_on
        raise ValidationError(
            {
                "rides_on": f"{below.name} rides on this path itself, or on more than "
                f"{MOST_LAYERS} others: choose the path that carries the tunnel's packets."
            }
        )


class PathTarget(models.Model):
    """One address that answers probes for a path."""

    path = models.ForeignKey(Path, on_delete=models.CASCADE, related_name="targets")
    address = models.CharField(
        max_length=253,
        validators=[validate_target_address],
        help_text="An IP address or a host name.",
    )
    port = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65_535)],
        help_text="Only for kinds with ports. Empty: the default of the kind.",
    )
    role = models.CharField(
        max_length=100, blank=True, help_text="What answers there, such as 'provider DNS'."
    )
    request = models.CharField(
        max_length=300,
        blank=True,
        help_text="DNS: the name to ask for. HTTP: the URL to fetch, such as "
        "https://example.com/health. Empty: the default of the kind.",
    )
    expected_text = models.CharField(
        max_length=200,
        blank=True,
        help_text="DNS: an address the answer must contain. HTTP: text of the page. "
        "Empty: anything.",
    )
    expected_status = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(100), MaxValueValidator(599)],
        help_text="HTTP only: the status that counts as an answer. Empty: 200 to 399.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_path_targets"
        ordering = ["id"]
        verbose_name = "target"
        constraints = [
            # Two constraints, because SQLite takes two nulls for different values.
            models.UniqueConstraint(
                fields=["path", "address", "port"],
                condition=Q(port__isnull=False),
                name="target_with_port_unique_on_path",
                violation_error_message="The path already has this target.",
            ),
            models.UniqueConstraint(
                fields=["path", "address"],
                condition=Q(port__isnull=True),
                name="target_without_port_unique_on_path",
                violation_error_message="The path already has this target.",
            ),
            models.CheckConstraint(
                condition=Q(port__isnull=True) | Q(port__gte=1, port__lte=65_535),
                name="target_port_in_range",
                violation_error_message="A port is a number from 1 to 65535.",
            ),
        ]

    def __str__(self) -> str:
        return self.address if self.port is None else f"{self.address} port {self.port}"

    def clean(self) -> None:
        """A port, request or expectation that the kind can't use is a mistake, not a detail."""
        prober = PROBERS.get(self.path.kind) if self.path_id else None
        if prober is None:
            return
        if self.port is not None and prober.default_port is None:
            raise ValidationError({"port": f"{prober.label} has no ports; leave it empty."})
        asked = Asked(self.port, self.request, self.expected_text, self.expected_status)
        problems = prober.problems(asked)
        if problems:
            raise ValidationError({field: f"{prober.label}: {text}" for field, text in problems})
