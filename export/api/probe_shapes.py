"""What is sent and answered where a path is probed on demand: one body, one answer.

The body is read with its class; the answer is a plain dictionary, described here for the
OpenAPI schema, and a test compares the two.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from export.moments import iso
from health.domain.measurement import Outcome
from health.models import OrderState, Path, ProbeOrder
from health.on_demand.figures import figures
from health.on_demand.orders import DEFAULT_COUNT, MAX_COUNT


class ProbeSerializer(serializers.Serializer):
    """How much to probe."""

    count = serializers.IntegerField(
        min_value=1, max_value=MAX_COUNT, default=DEFAULT_COUNT, help_text="Probes to each target."
    )

    def to_internal_value(self, data: Any) -> Any:
        """A field that is not known is an error: ignored in silence it would mislead."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            sentence = "is not a field here; known are: count."
            raise serializers.ValidationError({name: [f"{name} {sentence}"] for name in unknown})
        if isinstance(data, dict) and isinstance(data.get("count"), bool | str | float):
            raise serializers.ValidationError(
                {"count": [f"{data['count']!r} is not a whole number from 1 to {MAX_COUNT}."]}
            )
        return super().to_internal_value(data)


def _measured(help_text: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class ProbeAttemptSerializer(serializers.Serializer):
    """One probe and its end."""

    number = serializers.IntegerField(help_text="Of the probes to this target, from 1.")
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    rtt_ms = _measured("Round-trip time.")
    detail = serializers.CharField(allow_null=True, help_text="Why there is no time.")


class _FiguresSerializer(serializers.Serializer):
    """Several probes together."""

    sent = serializers.IntegerField(help_text="Probes that left the probe host.")
    received = serializers.IntegerField()
    packet_loss_pct = _measured("0–100, of those that were sent.")
    forward_loss_pct = _measured("0–100, on the way there; null where the kind cannot tell.")
    backward_loss_pct = _measured("0–100, on the way back; null where the kind cannot tell.")
    latency_ms = _measured("Mean round-trip time.")
    min_latency_ms = _measured("Least round-trip time.")
    max_latency_ms = _measured("Greatest round-trip time.")
    jitter_ms = _measured("Mean difference of consecutive round-trip times.")


class ProbeTargetSerializer(_FiguresSerializer):
    """One target of a measurement on demand."""

    target_id = serializers.IntegerField()
    address = serializers.CharField(help_text="As configured.")
    resolved = serializers.CharField(
        allow_null=True, help_text="The address that was probed; null: the name has none."
    )
    port = serializers.IntegerField(allow_null=True)
    probes = ProbeAttemptSerializer(many=True)


class ProbeResultSerializer(_FiguresSerializer):
    """A measurement on demand; complete when `state` is done."""

    probe_id = serializers.UUIDField()
    path_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=OrderState.values)
    detail = serializers.CharField(
        allow_null=True, help_text="Why it failed or expired, and what helps."
    )
    url = serializers.CharField(help_text="Where to read this again, for a day.")
    vantage = serializers.CharField(help_text="The probe host.")
    kind = serializers.CharField()
    count = serializers.IntegerField(help_text="Probes to each target.")
    asked_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    reachable = serializers.BooleanField(
        allow_null=True, help_text="The quorum of targets answers; null: cannot be told (yet)."
    )
    targets = ProbeTargetSerializer(many=True)


def probe_result(order: ProbeOrder, path: Path, *, url: str) -> dict[str, Any]:
    """The answer about ``order``, with what has been measured until now."""
    return {
        "probe_id": str(order.uid),
        "path_id": path.pk,
        "state": order.state,
        "detail": order.detail or None,
        "url": url,
        "vantage": path.uplink.vantage.name,
        "count": order.count,
        "asked_at": iso(order.asked_at),
        "started_at": iso(order.started_at),
        "ended_at": iso(order.ended_at),
        "kind": path.kind,
        "reachable": None,
        **figures([]),
        "targets": [],
        **order.result,
    }
