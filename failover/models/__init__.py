"""The rows of ``failover``; every other module imports them from here."""

from __future__ import annotations

from failover.models.events import Direction, EventType, FailoverEvent, OutboxMessage, OutboxTopic
from failover.models.in_force import RouteInForce
from failover.models.notifications import HookKind, NotificationChannel, PolicyHook
from failover.models.orders import OperatorOrder, OrderKind, OrderStage
from failover.models.policies import (
    AddressFamily,
    FailbackMode,
    FailoverPolicy,
    PolicyMember,
    PolicyMode,
    PolicyRoute,
)
from failover.models.state import FailoverState, MaintenanceWindow, Override, Repeats

__all__ = [
    "AddressFamily",
    "Direction",
    "EventType",
    "FailbackMode",
    "FailoverEvent",
    "FailoverPolicy",
    "FailoverState",
    "HookKind",
    "MaintenanceWindow",
    "NotificationChannel",
    "OperatorOrder",
    "OrderKind",
    "OrderStage",
    "OutboxMessage",
    "OutboxTopic",
    "Override",
    "PolicyHook",
    "PolicyMember",
    "PolicyMode",
    "PolicyRoute",
    "Repeats",
    "RouteInForce",
]
