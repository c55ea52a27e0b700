"""Forms of the admin of ``failover``; the rules stand in ``failover.validation`` and the models."""

from __future__ import annotations
