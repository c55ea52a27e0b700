"""A family: a metric with its samples, and the shorthand to make one."""

from __future__ import annotations

from collections.abc import Iterable

from export.exposition import Metric, Sample, Value, label_block
from export.metrics import METRICS

Family = tuple[Metric, Iterable[Sample]]


def family(name: str, rows: Iterable[tuple[tuple[object, ...], Value | None]]) -> Family:
    """The family ``name`` from rows of (values of its labels, value); None has no series."""
    metric = METRICS[name]
    samples = [
        (label_block(metric.labels, labels), value) for labels, value in rows if value is not None
    ]
    return metric, samples
