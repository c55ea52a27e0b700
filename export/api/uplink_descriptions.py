"""The shape of what is measured at uplinks, for the OpenAPI schema only.

Nothing is serialized with these classes; a test compares them with the real answers.
"""

from __future__ import annotations

from rest_framework import serializers

from health.domain.traffic import Counts
from health.domain.uplink_state import LinkState, RouteState
from health.selectors.uplinks import RESOLUTIONS

_LINKS = [state.value for state in LinkState]
_ROUTES = [state.value for state in RouteState]


class _Shape(serializers.Serializer):
    """Read-only, every field always there."""


def _maybe(help_text: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


def _text(help_text: str) -> serializers.CharField:
    return serializers.CharField(allow_null=True, help_text=help_text)


class UplinkPresentSerializer(_Shape):
    """An uplink as its probe host sees it; null: nobody has looked in the last 25 seconds."""

    updated_at = serializers.DateTimeField(allow_null=True)
    link = serializers.ChoiceField(
        choices=_LINKS, allow_null=True, help_text="Of the interface; unknown: none is named."
    )
    route = serializers.ChoiceField(
        choices=_ROUTES, allow_null=True, help_text="Whether IPv4 probes are sure to leave here."
    )
    route6 = serializers.ChoiceField(
        choices=_ROUTES, allow_null=True, help_text="Whether IPv6 probes are sure to leave here."
    )
    source = _text("IPv4 address that probes leave from.")  # type: ignore[assignment] # a field here, an attribute above
    source6 = _text("IPv6 address that probes leave from.")
    gateway = _text("IPv4 next hop in force.")
    gateway6 = _text("IPv6 next hop in force.")
    detail = _text("What is wrong, with the cure.")
    receive_bps = _maybe("Bits per second of the last slot.")
    transmit_bps = _maybe("Bits per second of the last slot.")
    receive_utilisation_pct = _maybe("Of bandwidth_down_mbps; may exceed 100.")
    transmit_utilisation_pct = _maybe("Of bandwidth_up_mbps; may exceed 100.")
    counted_at = serializers.DateTimeField(allow_null=True, help_text="When the totals were read.")

    def get_fields(self) -> dict[str, serializers.Field]:
        """The totals as well; null when the interface was never counted."""
        totals = {
            name: serializers.IntegerField(allow_null=True, help_text="Since it was first counted.")
            for name in Counts._fields
        }
        return super().get_fields() | totals


class TrafficPointSerializer(_Shape):
    """What one step carried; rates are means over the observed seconds."""

    timestamp = serializers.DateTimeField(help_text="Start of the step.")
    secs = serializers.FloatField(help_text="Observed seconds of it.")
    receive_bps = _maybe("Bits per second.")
    transmit_bps = _maybe("Bits per second.")
    receive_utilisation_pct = _maybe("Of the bandwidth that is configured now.")
    transmit_utilisation_pct = _maybe("Of the bandwidth that is configured now.")

    def get_fields(self) -> dict[str, serializers.Field]:
        """The counts as well."""
        counts = {name: serializers.IntegerField() for name in Counts._fields}
        return super().get_fields() | counts


class UplinkTrafficSerializer(_Shape):
    """What one uplink carried; steps in which nobody counted are absent."""

    uplink_id = serializers.IntegerField()
    uid = serializers.UUIDField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    resolution = serializers.ChoiceField(choices=list(RESOLUTIONS))
    interval_secs = serializers.IntegerField()
    points = TrafficPointSerializer(many=True)


class ProbeBudgetSerializer(_Shape):
    """What probing a path costs its uplink, both directions, IP headers included."""

    probes_per_sec = serializers.FloatField()
    mb_per_month = _maybe("Megabytes in 30 days; null for a kind of unknown size.")
    is_exact = serializers.BooleanField(help_text="False: an estimate.")
