"""The shape of the answers that are plain dictionaries, for the OpenAPI schema only.

Nothing is serialized with these classes; a test compares them with the real answers.
"""

from __future__ import annotations

from rest_framework import serializers

from failover.domain.situation import Phase
from health.domain.status import PathStatus

STATUSES = [status.value for status in PathStatus]
_SCORE = "0–100; null: nothing supports one."


class _Shape(serializers.Serializer):
    """Read-only, every field always there."""


def _measured(help_text: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class ProblemSerializer(_Shape):
    """An error in the form of RFC 9457 (`application/problem+json`)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong and what helps.")
    errors = serializers.DictField(  # type: ignore[assignment]  # a field here, a property above
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="By field or parameter, for invalid values.",
    )


class PathLineSerializer(_Shape):
    """One path in the health snapshot."""

    path_id = serializers.IntegerField()
    uid = serializers.UUIDField()
    name = serializers.CharField()
    latency_ms = _measured("Mean round-trip time of the window.")
    packet_loss_pct = _measured("0–100.")
    jitter_ms = _measured("Mean difference of consecutive round-trip times.")
    health_score = _measured(_SCORE)
    status = serializers.ChoiceField(choices=STATUSES)
    last_checked = serializers.DateTimeField(allow_null=True)


class HealthSnapshotSerializer(_Shape):
    """All paths at one moment."""

    timestamp = serializers.DateTimeField()
    paths = PathLineSerializer(many=True)


class HealthStatsSerializer(_Shape):
    """How many paths there are, and how many of each status."""

    total_paths = serializers.IntegerField()
    up = serializers.IntegerField()
    degraded = serializers.IntegerField()
    down = serializers.IntegerField()
    unknown = serializers.IntegerField()


class TargetHealthSerializer(_Shape):
    """One target of a path, in the window of the path."""

    target_id = serializers.IntegerField()
    address = serializers.CharField()
    alive = serializers.BooleanField(allow_null=True)
    health_score = _measured(_SCORE)
    latency_ms = _measured("Mean round-trip time.")
    packet_loss_pct = _measured("0–100.")
    jitter_ms = _measured("Mean difference of consecutive round-trip times.")
    sent = serializers.IntegerField()
    received = serializers.IntegerField()
    detail = serializers.CharField(allow_null=True)
    interval_ms = serializers.IntegerField(
        allow_null=True, help_text="Spacing of probes in force; many paths to one stretch it."
    )
    hold_ms = serializers.IntegerField(
        allow_null=True, help_text="How long a death is confirmed; a false one doubles it a while."
    )
    blamed = serializers.BooleanField(
        help_text="Bad on every path that uses it, so left out of the judgement."
    )


class DirectionsSerializer(_Shape):
    """What STAMP adds to a round trip: the way there (forward) and back, over the window."""

    forward_loss_pct = _measured("Lost on the way there, 0–100; null where it cannot be told.")
    backward_loss_pct = _measured("Lost on the way back, 0–100; null where it cannot be told.")
    forward_jitter_ms = _measured("Delay variation there (RFC 3393); null where it cannot be told.")
    backward_jitter_ms = _measured("Delay variation back (RFC 3393); null where it cannot be told.")


class PathHealthSerializer(DirectionsSerializer, PathLineSerializer):
    """The present of one path."""

    reason = serializers.CharField(allow_null=True, help_text="Why, where numbers do not tell.")
    detail = serializers.CharField(allow_null=True)
    reachable = serializers.BooleanField(allow_null=True)
    mos = _measured("Estimate after ITU-T G.107, 1–4.5.")
    targets = TargetHealthSerializer(many=True)


class HistoryPointSerializer(DirectionsSerializer):
    """One slot of ten seconds; values are null where nothing was measured.

    The directions are those of the window at the end of the slot.
    """

    timestamp = serializers.DateTimeField(help_text="Start of the slot.")
    sent = serializers.IntegerField()
    received = serializers.IntegerField()
    latency_ms = _measured("Mean round-trip time.")
    min_latency_ms = _measured("Least round-trip time.")
    max_latency_ms = _measured("Greatest round-trip time.")
    packet_loss_pct = _measured("0–100.")
    jitter_ms = _measured("Mean difference of consecutive round-trip times.")
    health_score = _measured(_SCORE)
    status = serializers.ChoiceField(choices=STATUSES)
    known_secs = serializers.IntegerField(help_text="Seconds with a known status.")
    reachable_secs = serializers.IntegerField(help_text="Seconds in which the path was reachable.")


class PathHistorySerializer(_Shape):
    """The past of one path; slots without a sample are absent."""

    path_id = serializers.IntegerField()
    uid = serializers.UUIDField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    resolution = serializers.ChoiceField(choices=["raw"])
    interval_secs = serializers.IntegerField()
    points = HistoryPointSerializer(many=True)


class PolicyLineSerializer(_Shape):
    """One policy in the failover snapshot."""

    policy_id = serializers.IntegerField()
    uid = serializers.UUIDField()
    name = serializers.CharField()
    primary_path_id = serializers.IntegerField(allow_null=True)
    backup_path_ids = serializers.ListField(child=serializers.IntegerField())
    failover_threshold = serializers.FloatField()
    failback_threshold = serializers.FloatField()
    failback_delay_secs = serializers.IntegerField()
    enabled = serializers.BooleanField()
    active_path_id = serializers.IntegerField(allow_null=True)
    using_primary = serializers.BooleanField(allow_null=True)
    failover_count = serializers.IntegerField(help_text="Completed failovers, not failbacks.")


class FailoverSnapshotSerializer(_Shape):
    """All policies at one moment."""

    timestamp = serializers.DateTimeField()
    policies = PolicyLineSerializer(many=True)


class CountdownSerializer(_Shape):
    """What is running out: failback, undamp, dwell, pin or pause."""

    kind = serializers.CharField()
    secs_left = serializers.FloatField(help_text="As of evaluated_at.")
    path_id = serializers.IntegerField(allow_null=True)


class CandidateSerializer(_Shape):
    """A member beside the active one, with the first gate that it fails."""

    path_id = serializers.IntegerField()
    name = serializers.CharField()
    gate = serializers.CharField(allow_null=True, help_text="Null: it passes all gates.")
    sentence = serializers.CharField(allow_null=True)


class PolicyStateSerializer(_Shape):
    """Where a policy's traffic is and why; null where no decision was made yet."""

    policy_id = serializers.IntegerField()
    uid = serializers.UUIDField()
    active_path_id = serializers.IntegerField(allow_null=True)
    using_primary = serializers.BooleanField(allow_null=True)
    last_failover = serializers.DateTimeField(allow_null=True)
    primary_healthy_since = serializers.DateTimeField(allow_null=True)
    failover_count = serializers.IntegerField(help_text="Completed failovers, not failbacks.")
    generation = serializers.IntegerField()
    phase = serializers.ChoiceField(choices=[phase.value for phase in Phase], allow_null=True)
    reason = serializers.CharField(allow_null=True)
    evaluated_at = serializers.DateTimeField(allow_null=True)
    countdowns = CountdownSerializer(many=True)
    candidates = CandidateSerializer(many=True)
