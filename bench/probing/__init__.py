"""Benchmarks of the probe engine, each beside its peers in interleaved rounds of one run.

They need root and Linux: every one works in a network namespace of its own, so
that loopback and its packet counters are private.
"""

from __future__ import annotations
