"""Benchmarks: each prints a table beside its peers and stores what it measured as JSON.

Not part of the tests: here absolute times are judged, on a machine that may be
shared. Every figure names the command that makes it.
"""

from __future__ import annotations
