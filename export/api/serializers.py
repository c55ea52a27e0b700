"""The rows of the configuration and the audit trail as the API shows them.

Fields of a model only; measurements and states are plain dictionaries
(``export.snapshots``), described in ``export.api.descriptions``.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from export.api.uplink_descriptions import ProbeBudgetSerializer, UplinkPresentSerializer
from export.moments import utc_text
from export.uplink_snapshots import budget_line, uplink_present
from failover.models import FailoverEvent, FailoverPolicy
from health.models import Path, PathTarget, Site, Uplink
from health.selectors.budgets import path_budget
from health.selectors.uplinks import uplink_now


class UtcDateTimeField(serializers.DateTimeField):
    """Always UTC with Z: neither the server's zone nor the user's may reach a program."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)

    def to_representation(self, value: Any) -> str:
        """To the millisecond; DRF itself keeps null as null."""
        return utc_text(value)


class _RowSerializer(serializers.ModelSerializer):
    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        **dict.fromkeys(
            (
                key
                for key, field in serializers.ModelSerializer.serializer_field_mapping.items()
                if field is serializers.DateTimeField
            ),
            UtcDateTimeField,
        ),
    }


class SiteSerializer(_RowSerializer):
    """A place of the company that is connected by WAN paths."""

    class Meta:
        model = Site
        fields = ["id", "uid", "name", "location", "notes", "created_at", "updated_at"]
        read_only_fields = fields


class UplinkSerializer(_RowSerializer):
    """A WAN attachment of a probe host, and how it is now."""

    site_id = serializers.IntegerField(source="vantage.site_id")
    vantage = serializers.CharField(source="vantage.name", help_text="The probe host.")
    current = serializers.SerializerMethodField()

    class Meta:
        model = Uplink
        fields = [
            "id",
            "uid",
            "name",
            "site_id",
            "vantage",
            "interface",
            "gateway",
            "source",
            "gateway6",
            "source6",
            "probe_route",
            "table",
            "fwmark",
            "transport",
            "provider",
            "circuit_id",
            "bandwidth_down_mbps",
            "bandwidth_up_mbps",
            "metered",
            "cost",
            "current",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @extend_schema_field(UplinkPresentSerializer)
    def get_current(self, uplink: Uplink) -> dict[str, Any]:
        """State, rates and totals; the moment is that of the answer."""
        return uplink_present(uplink_now(uplink, now=self.context["now"]))


class PathTargetSerializer(serializers.ModelSerializer):
    """One address that answers probes for a path."""

    class Meta:
        model = PathTarget
        fields = [
            "id",
            "address",
            "port",
            "request",
            "expected_text",
            "expected_status",
            "role",
        ]
        read_only_fields = fields


class PathSerializer(_RowSerializer):
    """A way over one uplink to a place: its configuration, not its health."""

    site_id = serializers.IntegerField(source="uplink.vantage.site_id")
    uplink_id = serializers.IntegerField()
    destination_id = serializers.IntegerField(
        allow_null=True, help_text="The site the path leads to; null: the Internet."
    )
    probe_profile = serializers.CharField(source="probe_profile.name")
    sla_profile = serializers.CharField(source="sla_profile.name")
    targets = PathTargetSerializer(many=True)
    probe_budget = serializers.SerializerMethodField()

    class Meta:
        model = Path
        fields = [
            "id",
            "uid",
            "name",
            "site_id",
            "uplink_id",
            "destination_id",
            "kind",
            "probe_profile",
            "sla_profile",
            "targets",
            "quorum",
            "dscp",
            "probe_budget",
            "enabled",
            "notes",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    @extend_schema_field(ProbeBudgetSerializer)
    def get_probe_budget(self, path: Path) -> dict[str, Any]:
        """As configured; a destination that many paths probe gets less."""
        return budget_line(path_budget(path))


class PolicySerializer(_RowSerializer):
    """Which path carries what, and when; options of executors may be secret."""

    primary_path_id = serializers.SerializerMethodField()
    backup_path_ids = serializers.SerializerMethodField()
    routes = serializers.SerializerMethodField()

    class Meta:
        model = FailoverPolicy
        fields = [
            "id",
            "uid",
            "name",
            "description",
            "enabled",
            "mode",
            "strategy",
            "executor",
            "primary_path_id",
            "backup_path_ids",
            "failover_threshold",
            "failback_threshold",
            "failback_delay_secs",
            "failback_mode",
            "damping",
            "routes",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_primary_path_id(self, policy: FailoverPolicy) -> int | None:
        """The first member; null in a policy without members."""
        return next(iter(_member_ids(policy)), None)

    def get_backup_path_ids(self, policy: FailoverPolicy) -> list[int]:
        """The other members, in the order in which they are tried."""
        return _member_ids(policy)[1:]

    def get_routes(self, policy: FailoverPolicy) -> list[str]:
        """What the policy steers, in words."""
        return [str(route) for route in policy.routes.all()]


def _member_ids(policy: FailoverPolicy) -> list[int]:
    return [member.path_id for member in policy.members.all()]


class EventSerializer(_RowSerializer):
    """One fact about a policy; the names are those of the time of the event."""

    event_id = serializers.IntegerField(source="id")
    policy_id = serializers.IntegerField(allow_null=True, help_text="Null: deleted since.")
    direction = serializers.SerializerMethodField()
    from_path_id = serializers.IntegerField(allow_null=True)
    to_path_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = FailoverEvent
        fields = [
            "event_id",
            "uid",
            "policy_id",
            "policy_uid",
            "policy_name",
            "event_type",
            "direction",
            "from_path_id",
            "from_path_name",
            "to_path_id",
            "to_path_name",
            "reason",
            "primary_health_score",
            "backup_health_score",
            "generation",
            "timestamp",
            "actor",
            "duration_ms",
        ]
        read_only_fields = fields

    def get_direction(self, event: FailoverEvent) -> str | None:
        """failover, failback or operator; null for events that are no switch."""
        return event.direction or None
