"""Ten probes a second to one destination, whoever asks and however often."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.destination_cap import MAX_PROBES_PER_SEC, stretches
from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec

RESOLVER = "9.9.9.9"


def path(key: int, *addresses: str, interval_ms: int = 500, kind: str = "icmp") -> PathSpec:
    targets = tuple(TargetSpec(100 * key + n, one) for n, one in enumerate(addresses))
    timing = ProbeTiming(interval_ms, 1_000, 50, 500)
    return PathSpec(key, f"uid-{key}", f"path {key}", kind, targets, 1, timing, SlaLimits())


def test_up_to_ten_a_second_nothing_is_stretched() -> None:
    assert stretches([path(key, RESOLVER) for key in range(5)]) == {}


def test_beyond_ten_a_second_all_stretch_by_the_same_factor() -> None:
    paths = [path(key, RESOLVER) for key in range(1, 7)]
    assert stretches(paths) == {100 * key: 1.2 for key in range(1, 7)}


def test_unlike_intervals_add_up_and_stretch_evenly() -> None:
    paths = [path(1, RESOLVER, interval_ms=200), path(2, RESOLVER, interval_ms=50)]
    assert stretches(paths) == {100: 2.5, 200: 2.5}


def test_only_the_crowded_destination_is_stretched_and_not_its_neighbours() -> None:
    paths = [path(key, RESOLVER, f"192.0.2.{key}") for key in range(1, 11)]
    factors = stretches(paths)
    assert set(factors) == {100 * key for key in range(1, 11)}
    assert set(factors.values()) == {2.0}


def test_kinds_and_ports_share_the_destination_they_lead_to() -> None:
    paths = [path(key, RESOLVER, kind=("icmp", "tcp", "dns")[key % 3]) for key in range(10)]
    assert set(stretches(paths).values()) == {2.0}


def test_names_are_destinations_as_well() -> None:
    paths = [path(key, "resolver.example") for key in range(10)]
    assert set(stretches(paths).values()) == {2.0}


def test_a_reflector_may_be_asked_by_all() -> None:
    reflected = [path(key, RESOLVER, kind="stamp") for key in range(50)]
    assert stretches(reflected) == {}
    beside = [path(100 + key, RESOLVER) for key in range(4)]
    assert stretches(reflected + beside) == {}  # nor does it count against the others


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1"])
def test_this_host_may_be_asked_by_all(address: str) -> None:
    assert stretches([path(key, address) for key in range(50)]) == {}


def test_ten_a_second_made_of_fractions_is_not_more_than_ten() -> None:
    thirds = [path(key, RESOLVER, interval_ms=300) for key in range(3)]
    assert stretches(thirds) == {}
    exactly_ten = [path(key, RESOLVER, interval_ms=700) for key in range(7)]
    assert stretches(exactly_ten) == {}


@given(st.lists(st.integers(50, 60_000), min_size=1, max_size=300))
def test_together_they_never_ask_more_than_ten_a_second_and_no_less_than_they_may(
    intervals_ms: list[int],
) -> None:
    paths = [path(key, RESOLVER, interval_ms=ms) for key, ms in enumerate(intervals_ms)]
    factors = stretches(paths)
    asked = sum(1000 / ms for ms in intervals_ms)
    rate = sum(1000 / (ms * factors.get(100 * key, 1.0)) for key, ms in enumerate(intervals_ms))
    assert rate == pytest.approx(min(asked, MAX_PROBES_PER_SEC))
    assert all(factor > 1 for factor in factors.values())
