"""The rows of ``health``; every other module imports them from here."""

from __future__ import annotations

from health.models.inventory import ProbeRoute, Site, Transport, Uplink, Vantage
from health.models.lease import MonitorLease
from health.models.measurements import CurrentHealth, HealthSample, StatusChange
from health.models.paths import Path, PathTarget
from health.models.probe_orders import OrderState, ProbeOrder
from health.models.profiles import ProbeProfile, SlaProfile
from health.models.uplink_measurements import CurrentUplink, UplinkTraffic

__all__ = [
    "CurrentHealth",
    "CurrentUplink",
    "HealthSample",
    "MonitorLease",
    "OrderState",
    "Path",
    "PathTarget",
    "ProbeOrder",
    "ProbeProfile",
    "ProbeRoute",
    "Site",
    "SlaProfile",
    "StatusChange",
    "Transport",
    "Uplink",
    "UplinkTraffic",
    "Vantage",
]
