"""Where things are: sites, the vantages that probe from them, and their uplinks."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from health.models.validators import validate_auto_or_address, validate_interface_name


class Site(models.Model):
    """A place of the company that is connected by WAN paths."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    location = models.CharField(max_length=200, blank=True, help_text="Address or description.")
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_sites"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name=""),
                name="site_name_not_empty",
                violation_error_message="Give the site a name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Vantage(models.Model):
    """A host that probes ("probe host" in the console); its name is also its task queue."""

    name = models.SlugField(
        max_length=40,
        unique=True,
        help_text="As in PATHWARDEN_VANTAGE on that host.",
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="vantages")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_vantages"
        ordering = ["name"]
        verbose_name = "probe host"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The queue of the housekeeping can't be a probe host's as well."""
        if self.name == settings.DEFAULT_CLUSTER:
            raise ValidationError(
                {"name": f"{self.name!r} is the queue of the housekeeping; choose another name."}
            )


class Transport(models.TextChoices):
    """What carries an uplink; it sets expectations, not rules."""

    FIBRE = "fibre", "Fibre"
    CABLE = "cable", "Cable"
    DSL = "dsl", "DSL"
    LTE = "lte", "LTE/5G"
    LEO = "leo", "LEO satellite"
    GEO = "geo", "GEO satellite"
    MPLS = "mpls", "MPLS"
    TUNNEL = "tunnel", "Overlay tunnel"


class ProbeRoute(models.TextChoices):
    """How it is made sure that a probe leaves over its own uplink."""

    NONE = "none", "none (one uplink, or targets on this host)"
    MANAGED = "managed", "managed (Pathwarden makes and repairs table and rules)"
    EXTERNAL = "external", "external (this host has policy routing; it is only verified)"


def probe_route_choices() -> list[tuple[str, str]]:
    """The modes this release knows; a callable, so that a new mode needs no migration."""
    return list(ProbeRoute.choices)


class Uplink(models.Model):
    """A WAN attachment of a vantage. Its identity is the interface, not the address."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    vantage = models.ForeignKey(
        Vantage, on_delete=models.PROTECT, related_name="uplinks", verbose_name="probe host"
    )
    name = models.CharField(max_length=100)
    interface = models.CharField(
        max_length=15,
        blank=True,
        validators=[validate_interface_name],
        help_text="Such as wan0 or ppp0. Empty: the kernel's routing chooses.",
    )
    gateway = models.CharField(
        max_length=45,
        default="auto",
        validators=[validate_auto_or_address],
        help_text="'auto' follows the system (DHCP, PPPoE, RA), or an address.",
    )
    source = models.CharField(
        max_length=45,
        default="auto",
        validators=[validate_auto_or_address],
        help_text="Source address of probes: 'auto' or an address of this host.",
    )
    gateway6 = models.CharField(
        max_length=45,
        default="auto",
        validators=[validate_auto_or_address],
        verbose_name="IPv6 gateway",
        help_text="'auto' follows the system (RA, DHCPv6), or an address.",
    )
    source6 = models.CharField(
        max_length=45,
        default="auto",
        validators=[validate_auto_or_address],
        verbose_name="IPv6 source",
        help_text="Source address of IPv6 probes: 'auto' or an address of this host.",
    )
    probe_route = models.CharField(
        max_length=10, choices=probe_route_choices, default=ProbeRoute.NONE
    )
    table = models.PositiveIntegerField(
        null=True, blank=True, help_text="Routing table of the probe route."
    )
    fwmark = models.PositiveIntegerField(
        null=True, blank=True, help_text="Routing mark set on probes (needs CAP_NET_ADMIN)."
    )
    transport = models.CharField(max_length=10, choices=Transport, default=Transport.FIBRE)
    provider = models.CharField(max_length=100, blank=True)
    circuit_id = models.CharField(
        max_length=100, blank=True, help_text="The provider's name for the line, for tickets."
    )
    bandwidth_down_mbps = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.001)]
    )
    bandwidth_up_mbps = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(0.001)]
    )
    metered = models.BooleanField(default=False, help_text="Traffic is paid by the byte.")
    cost = models.PositiveSmallIntegerField(
        default=10, validators=[MaxValueValidator(10_000)], help_text="Lower is preferred."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_uplinks"
        ordering = ["vantage__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["vantage", "name"],
                name="uplink_name_unique_on_vantage",
                violation_error_message="This probe host already has an uplink of that name.",
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""),
                name="uplink_name_not_empty",
                violation_error_message="Give the uplink a name.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vantage.name}/{self.name}"
