"""The processes of the product: clusters, their watchdog, and the supervisor of ``up``."""

from __future__ import annotations
