"""The decision core: pure Python. No Django, no I/O, no clock and no randomness may enter."""

from __future__ import annotations
