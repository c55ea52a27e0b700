"""The composition root: it knows every app and wires them; it holds no rule of its own."""

from __future__ import annotations

__version__ = "0.1.0"
