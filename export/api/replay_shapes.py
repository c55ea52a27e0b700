"""What is sent and answered where a policy is replayed: one body, one answer.

The body is read with its class; the answer is a plain dictionary, described here for the
OpenAPI schema, and a test compares the two.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from export.moments import parse_moment
from failover.replays import CHANGEABLE

_FIELDS = ("since", "until", "changes")


class ReplaySerializer(serializers.Serializer):
    """The span to replay and the settings to try out."""

    since = serializers.CharField(
        required=False, help_text="First moment: ISO 8601 with a zone; a day before until."
    )
    until = serializers.CharField(required=False, help_text="Moment after the last; now.")
    changes = serializers.DictField(
        required=False, default=dict, help_text=f"Values by field: {', '.join(CHANGEABLE)}."
    )

    def to_internal_value(self, data: Any) -> Any:
        """A field that is not known is an error: ignored in silence it would mislead."""
        unknown = sorted(set(data) - set(_FIELDS)) if isinstance(data, dict) else []
        if unknown:
            sentence = f"is not a field here; known are: {', '.join(_FIELDS)}."
            raise serializers.ValidationError({name: [f"{name} {sentence}"] for name in unknown})
        return super().to_internal_value(data)

    def validate_since(self, value: str) -> float:
        """Seconds since 1970."""
        return _seconds(value)

    def validate_until(self, value: str) -> float:
        """Seconds since 1970."""
        return _seconds(value)


class ReplayedSwitchSerializer(serializers.Serializer):
    """One switch, in the names of its paths."""

    timestamp = serializers.DateTimeField()
    from_path = serializers.CharField()
    to_path = serializers.CharField()
    direction = serializers.CharField()
    reason = serializers.CharField()


class SecsOnPathSerializer(serializers.Serializer):
    """How long the traffic was on one path."""

    path_id = serializers.IntegerField()
    name = serializers.CharField()
    secs = serializers.IntegerField()


class CourseSerializer(serializers.Serializer):
    """One course of events and what the traffic met in it."""

    switches = ReplayedSwitchSerializer(many=True)
    bad_secs = serializers.IntegerField(help_text="Dead, or below the failover threshold.")
    dead_secs = serializers.IntegerField()
    unmeasured_secs = serializers.IntegerField(help_text="Nobody knows how the path was.")
    secs_on = SecsOnPathSerializer(many=True)
    metered_bytes = serializers.IntegerField(
        allow_null=True, help_text="At most; null where nothing was counted on a metered uplink."
    )


class ReplayResultSerializer(serializers.Serializer):
    """What would have been, beside what was."""

    policy_id = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    changes = serializers.DictField()
    happened = CourseSerializer()
    replayed = CourseSerializer()
    bad_secs_saved = serializers.IntegerField(help_text="Negative when it would be worse.")
    precision = serializers.CharField(help_text="How exact the replay is, in words.")


def _seconds(text: str) -> float:
    try:
        return parse_moment(text).timestamp()
    except ValueError as error:
        raise serializers.ValidationError(str(error)) from None
