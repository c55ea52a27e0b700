"""The running monitor: engine, lease, writer and observers; where the engine and Django meet."""

from __future__ import annotations
