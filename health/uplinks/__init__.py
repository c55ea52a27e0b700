"""The uplinks of this host in the kernel: probe routes, link events, traffic counters.

Talks netlink. Knows no Django and no database; plans are made in ``health.domain``,
rows are written by ``health.monitoring``.
"""

from __future__ import annotations
