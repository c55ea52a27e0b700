"""The writer of metrics, read back by the parsers of ``prometheus_client``."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from export.exposition import (
    END,
    OPENMETRICS,
    TEXT,
    Exposition,
    Metric,
    MetricType,
    Total,
    label_block,
    negotiate,
)

# Everything that can be in a database column: no lone surrogates, no NUL.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
NUMBERS = st.one_of(st.floats(), st.integers(-(2**53), 2**53), st.booleans())
COUNTS = st.one_of(st.floats(0, allow_nan=False), st.integers(0, 2**53))
PARSERS = {TEXT: parse_text, OPENMETRICS: parse_openmetrics}
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
GAUGE = Metric("x_load", MetricType.GAUGE, "Load.", ("who",))
FORMATS = pytest.mark.parametrize("form", [TEXT, OPENMETRICS], ids=["text", "openmetrics"])


def written(form, metric, samples):
    exposition = Exposition(form)
    exposition.add(metric, samples)
    return exposition.body().decode()


def read(form, metric, samples):
    """(name of the family, its type, its help, samples as (name, labels, value))."""
    (family,) = PARSERS[form](written(form, metric, samples))
    found = [(sample.name, sample.labels, sample.value) for sample in family.samples]
    return family.name, family.type, family.documentation, found


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


@FORMATS
@given(rows=st.dictionaries(st.tuples(TEXTS, TEXTS), NUMBERS, min_size=1, max_size=8))
def test_any_labels_and_values_come_back_as_they_were(form, rows):
    metric = Metric("x_load", MetricType.GAUGE, "Load.", ("who", "where"))
    samples = [(label_block(metric.labels, labels), value) for labels, value in rows.items()]
    _, _, _, found = read(form, metric, samples)
    assert len(found) == len(rows)
    for (_, labels, value), (key, expected) in zip(found, rows.items(), strict=True):
        assert (labels["who"], labels["where"]) == key
        assert same(value, float(expected))


@FORMATS
@given(help_text=TEXTS.filter(lambda text: text == text.strip() and text))
def test_any_help_text_comes_back_as_it_was(form, help_text):
    metric = GAUGE._replace(help=help_text)
    assert read(form, metric, [('{who="a"}', 1)])[2] == help_text


@FORMATS
@given(count=COUNTS)
def test_a_counter_keeps_its_total_whatever_the_format_calls_its_family(form, count):
    metric = Metric("x_probes_total", MetricType.COUNTER, "Probes.")
    name, kind, _, found = read(form, metric, [("", count)])
    assert (name, kind) == ("x_probes", "counter")
    assert found == [("x_probes_total", {}, float(count))]


@FORMATS
@given(count=st.integers(0, 2**53), spent=st.floats(0, 1e12))
def test_a_summary_is_a_count_and_a_sum(form, count, spent):
    metric = Metric("x_wait_seconds", MetricType.SUMMARY, "Waits.", (), "seconds")
    _, kind, _, found = read(form, metric, [("", Total(count, spent))])
    assert kind == "summary"
    assert sorted(found) == [("x_wait_seconds_count", {}, count), ("x_wait_seconds_sum", {}, spent)]


def test_an_info_is_a_gauge_of_1_where_the_format_knows_no_infos():
    metric = Metric("x_build_info", MetricType.INFO, "Build.", ("version",))
    samples = [(label_block(metric.labels, ("1.2",)), 1)]
    expected = [("x_build_info", {"version": "1.2"}, 1.0)]
    assert read(TEXT, metric, samples) == ("x_build_info", "gauge", "Build.", expected)
    assert read(OPENMETRICS, metric, samples) == ("x_build", "info", "Build.", expected)


def test_only_openmetrics_names_the_unit():
    metric = GAUGE._replace(name="x_wait_seconds", unit="seconds")
    assert "# UNIT x_wait_seconds seconds\n" in written(OPENMETRICS, metric, [("", 1)])
    assert "# UNIT" not in written(TEXT, metric, [("", 1)])


@FORMATS
def test_a_family_without_samples_is_absent(form):
    assert written(form, GAUGE, []).encode() == (END if form.is_openmetrics else b"")


def test_a_family_that_comes_in_two_pieces_is_refused():
    exposition = Exposition(TEXT)
    exposition.add(GAUGE, [('{who="a"}', 1)])
    with pytest.raises(ValueError, match="x_load was added already"):
        exposition.add(GAUGE, [('{who="b"}', 1)])


def test_what_others_wrote_follows_ours_with_one_end():
    exposition = Exposition(OPENMETRICS)
    exposition.add(GAUGE, [('{who="a"}', 1)])
    others = b"# HELP y Why.\n# TYPE y gauge\ny 2\n# EOF\n"
    body = exposition.body(others)
    assert body.count(END) == 1
    assert body.endswith(END)
    assert [family.name for family in parse_openmetrics(body.decode())] == ["x_load", "y"]


def test_the_text_format_has_no_end():
    exposition = Exposition(TEXT)
    exposition.add(GAUGE, [('{who="a"}', 1)])
    assert [family.name for family in parse_text(exposition.body(b"y 2\n").decode())] == [
        "x_load",
        "y",
    ]


def test_a_total_belongs_to_a_summary_and_to_nothing_else():
    summary = GAUGE._replace(type=MetricType.SUMMARY)
    with pytest.raises(TypeError, match="x_load is a summary"):
        written(TEXT, summary, [("", 1)])
    with pytest.raises(TypeError, match="declare the metric as one"):
        written(TEXT, GAUGE, [("", Total(1, 1.0))])


def test_labels_and_values_must_be_as_many():
    with pytest.raises(ValueError, match="shorter"):
        label_block(("a", "b"), ("1",))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", TEXT),
        ("application/openmetrics-text;q=0,*/*;q=0.1", TEXT),
        ("application/openmetrics-text;q=nonsense", TEXT),
        ("application/openmetrics-text;q=7", TEXT),
        ("text/plain;version=1.0.0;q=0.9,application/*;q=0.5", OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_the_format_is_the_one_the_scraper_prefers(accept, expected):
    assert negotiate(accept) is expected


@given(accept=st.text(max_size=60))
def test_no_accept_header_makes_it_fail(accept):
    assert negotiate(accept) in (TEXT, OPENMETRICS)
