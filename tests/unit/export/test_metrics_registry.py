"""The registry of metrics keeps Prometheus' habits and is documented line by line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from export.exposition import MetricType
from export.metrics import METRICS

DOC = Path(__file__).parents[3] / "docs" / "metrics.md"
SUFFIXES = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}


def documented() -> dict[str, tuple[str, ...]]:
    rows = (line.strip("| ").split(" | ") for line in DOC.read_text("utf-8").splitlines())
    return {
        row[0].strip("`"): tuple(row[1:])
        for row in rows
        if len(row) == 4 and row[0].startswith("`pathwarden_")
    }


def test_the_document_has_every_metric_with_its_type_labels_and_meaning_and_no_other():
    expected = {
        metric.name: (
            metric.type.value,
            ", ".join(f"`{label}`" for label in metric.labels) or "–",
            metric.help,
        )
        for metric in METRICS.values()
    }
    assert documented() == expected


def test_queries_of_the_document_use_metrics_that_exist():
    used = re.findall(r"^[^|]*?\b(pathwarden_\w+)", DOC.read_text("utf-8"), re.MULTILINE)
    names = {re.sub(r"(?<=switch_duration_seconds)_(sum|count)$", "", name) for name in used}
    assert names <= METRICS.keys()
    assert names


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_name_carries_the_type_and_the_unit(metric):
    suffix = SUFFIXES.get(metric.type)
    assert metric.name.startswith("pathwarden_")
    assert (suffix is None) is not metric.name.endswith(("_total", "_info"))
    assert metric.name.removesuffix(suffix or "").endswith(metric.unit)
    assert metric.help.endswith(".")
    assert len(set(metric.labels)) == len(metric.labels)
