"""The admin pages of ``failover``; importing registers them. No page itself may enter."""

from __future__ import annotations

from failover.admin import maintenance, notifications, pins, policies, records

__all__ = ["maintenance", "notifications", "pins", "policies", "records"]
