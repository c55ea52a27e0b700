"""Reads of ``health``: rows become the plain values that engine, pages and exports use.

Nothing here writes. Every function takes a fixed number of queries, whatever
the number of paths.
"""

from __future__ import annotations
