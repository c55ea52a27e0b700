"""How is each path? Measures, scores, stores and shows; knows nothing of failover."""

from __future__ import annotations
