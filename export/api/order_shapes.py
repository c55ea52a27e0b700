"""What is sent and answered where a policy is ordered about: four bodies, one answer.

The bodies are read with their classes; the answer is a plain dictionary, described here for
the OpenAPI schema, and a test compares the two.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from export.api.descriptions import PolicyStateSerializer
from export.api.serializers import EventSerializer
from export.moments import utc_text
from export.snapshots import policy_state
from failover.models import OperatorOrder, OrderKind, OrderStage
from failover.orders import DEFAULT_SECS, LONGEST_SECS, REASON_LENGTH, SHORTEST_SECS
from failover.selectors import policies_now

LARGEST = 2**63 - 1
_TYPES: dict[type[serializers.Field], tuple[type, str]] = {
    serializers.IntegerField: (int, "a whole number"),
    serializers.BooleanField: (bool, "true or false"),
    serializers.CharField: (str, "a text"),
}


@extend_schema_field(
    {"type": "string", "minLength": 1, "maxLength": REASON_LENGTH, "pattern": r"\S"}
)
class ReasonField(serializers.CharField):
    """Why; kept with the event."""


def _expires_in() -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=SHORTEST_SECS,
        max_value=LONGEST_SECS,
        default=DEFAULT_SECS,
        allow_null=True,
        help_text="Seconds until it ends by itself; null: not before it is released.",
    )


class OrderSerializer(serializers.Serializer):
    """Why, and for which generation of the policy."""

    reason = ReasonField(max_length=REASON_LENGTH, help_text="Kept with the event.")
    expected_generation = serializers.IntegerField(
        min_value=0,
        max_value=LARGEST,
        allow_null=True,
        default=None,
        help_text="As read from the state: 409 when the policy has switched since, and the same "
        "order sent again within a minute is carried out once.",
    )

    def to_internal_value(self, data: Any) -> Any:
        """A field that is not known, or a value of another type, is an error: never guessed."""
        if isinstance(data, dict):
            errors = {**self._unknown(data), **self._mistyped(data)}
            if errors:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)

    def _unknown(self, data: dict[str, Any]) -> dict[str, list[str]]:
        known = ", ".join(self.fields)
        return {
            name: [f"{name} is not a field here; known are: {known}."]
            for name in sorted(set(data) - set(self.fields))
        }

    def _mistyped(self, data: dict[str, Any]) -> dict[str, list[str]]:
        errors = {}
        for name, field in self.fields.items():
            for kind, (wanted, words) in _TYPES.items():
                value = data.get(name)
                if isinstance(field, kind) and value is not None and type(value) is not wanted:
                    errors[name] = [f"{value!r} is not {words}."]
        return errors


class FailoverOrderSerializer(OrderSerializer):
    """Where to; without it to the best candidate."""

    path = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST,
        allow_null=True,
        default=None,
        help_text="Id of a member; null: the best candidate.",
    )


class PauseOrderSerializer(OrderSerializer):
    """For how long."""

    expires_in = _expires_in()


class PinOrderSerializer(OrderSerializer):
    """Where to, for how long, and what if that path dies."""

    path = serializers.IntegerField(
        min_value=1, max_value=LARGEST, help_text="Id of the member that is to carry the traffic."
    )
    expires_in = _expires_in()
    unless_dead = serializers.BooleanField(
        default=True,
        help_text="A dead pinned path is left until it answers again; false: traffic stays on it.",
    )


class OrderResultSerializer(serializers.Serializer):
    """An order and what came of it."""

    order_id = serializers.UUIDField()
    policy_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=OrderKind.choices)
    stage = serializers.ChoiceField(
        choices=OrderStage.values,
        help_text="queued: the monitor has not taken it yet; done: committed; refused: the rules "
        "do not allow it; expired: not taken within 10 s, and never will be.",
    )
    detail = serializers.CharField(allow_null=True, help_text="Why it was refused or expired.")
    url = serializers.CharField(help_text="Where to read this again, for a day.")
    path_id = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    expires_in = serializers.IntegerField(allow_null=True)
    unless_dead = serializers.BooleanField()
    expected_generation = serializers.IntegerField(allow_null=True)
    actor = serializers.CharField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="Of the order: not carried out after that.")
    ended_at = serializers.DateTimeField(allow_null=True)
    event = EventSerializer(allow_null=True, help_text="What it caused.")
    policy_state = PolicyStateSerializer(help_text="As of this answer.")


def order_result(order: OperatorOrder, *, url: str) -> dict[str, Any]:
    """The answer about ``order``, with the policy as it is now."""
    return {
        "order_id": str(order.uid),
        "policy_id": order.policy_id,
        "kind": order.kind,
        "stage": order.stage,
        "detail": order.detail or None,
        "url": url,
        "path_id": order.path_id,
        "reason": order.reason,
        "expires_in": order.lasts_secs,
        "unless_dead": order.unless_dead,
        "expected_generation": order.expected_generation,
        "actor": order.actor,
        "asked_at": utc_text(order.asked_at),
        "expires_at": utc_text(order.expires_at),
        "ended_at": order.ended_at and utc_text(order.ended_at),
        "event": EventSerializer(order.event).data if order.event else None,
        "policy_state": policy_state(policies_now(only=[order.policy_id])[0]),
    }
