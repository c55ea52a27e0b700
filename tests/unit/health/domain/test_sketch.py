"""The sketch of round-trip times: within 1 %, mergeable in any order, and wary of bad bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.sketch import RELATIVE_ERROR, Sketch, SketchError

rtts = st.lists(st.integers(1_000, 60_000_000_000), max_size=60)
fractions = st.floats(0, 1)


def sketch_of(values: list[int]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(rtts.filter(bool), fractions)
def test_a_quantile_is_off_by_one_percent_at_most(values: list[int], fraction: float) -> None:
    ranked = sorted(values)
    true_ms = ranked[int(fraction * (len(ranked) - 1))] / 1e6
    found = sketch_of(values).quantile_ms(fraction)
    assert found == pytest.approx(true_ms, rel=RELATIVE_ERROR + 1e-9)


@given(rtts, rtts, rtts)
def test_merging_is_associative_commutative_and_loses_nothing(
    one: list[int], two: list[int], three: list[int]
) -> None:
    a, b, c = sketch_of(one), sketch_of(two), sketch_of(three)
    whole = sketch_of(one + two + three).to_bytes()
    assert a.merge(b).merge(c).to_bytes() == whole
    assert a.merge(b.merge(c)).to_bytes() == whole
    assert c.merge(a).merge(b).to_bytes() == whole


@given(rtts)
def test_the_wire_form_keeps_every_count(values: list[int]) -> None:
    sketch = sketch_of(values)
    back = Sketch.from_bytes(sketch.to_bytes())
    assert back.count == len(values)
    assert back.to_bytes() == sketch.to_bytes()


def test_an_empty_sketch_is_no_bytes_and_has_no_quantile() -> None:
    assert Sketch().to_bytes() == b""
    assert Sketch.from_bytes(b"").quantile_ms(0.5) is None


def test_a_round_trip_below_a_microsecond_counts_as_one() -> None:
    assert sketch_of([0]).quantile_ms(0.5) == pytest.approx(0.001, rel=RELATIVE_ERROR + 1e-9)


def test_a_typical_slot_takes_few_bytes() -> None:
    assert len(sketch_of([20_000_000 + n * 10_000 for n in range(20)]).to_bytes()) <= 12


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\x02\x05\x01", "version 2"),
        (b"\x01\x05", "within a bucket"),
        (b"\x01\x05\x81", "within a number"),
    ],
)
def test_bytes_that_are_no_sketch_are_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(SketchError, match=complaint):
        Sketch.from_bytes(data)


@given(st.binary(max_size=40))
def test_arbitrary_bytes_are_read_or_refused_but_never_crash(data: bytes) -> None:
    try:
        count = Sketch.from_bytes(data).count
    except SketchError:
        return
    assert count >= 0
