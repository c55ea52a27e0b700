"""What shall we do about it? Decides, acts and records; reads health, is read by export."""

from __future__ import annotations
