"""The running controller: rounds become decisions, decisions become durable and are carried out."""

from __future__ import annotations
