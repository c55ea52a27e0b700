"""The pages about policies and events: what people see of ``failover``. No rule may enter."""

from __future__ import annotations
