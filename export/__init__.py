"""Tell others: REST, Prometheus, snapshots. Read-only over health and failover."""

from __future__ import annotations
