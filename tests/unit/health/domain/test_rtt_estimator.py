"""τ by the arithmetic of RFC 6298 §2, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.path_spec import ProbeTiming
from health.domain.rtt_estimator import FIRST_TAU_NS, RttEstimator

MS = 1_000_000
FLOOR, TIMEOUT = 100 * MS, 1_000 * MS


def estimator(*rtts_ms: int) -> RttEstimator:
    made = RttEstimator(FLOOR, TIMEOUT)
    for rtt_ms in rtts_ms:
        made.feed(rtt_ms * MS)
    return made


@pytest.mark.parametrize(("timeout_ms", "tau_ms"), [(1_000, 500), (3_000, 500), (200, 200)])
def test_before_the_first_answer_silence_is_suspicious_after_half_a_second(
    timeout_ms: int, tau_ms: int
) -> None:
    assert RttEstimator(FLOOR, timeout_ms * MS).tau_ns == tau_ms * MS
    assert FIRST_TAU_NS == 500 * MS


def test_the_first_answer_sets_the_mean_to_itself_and_the_variation_to_its_half() -> None:
    first = estimator(80)
    assert (first.srtt_ns, first.rttvar_ns) == (80 * MS, 40 * MS)  # RFC 6298 (2.2)
    assert first.tau_ns == 240 * MS


@pytest.mark.parametrize(
    ("rtts_ms", "srtt_ms", "rttvar_ms", "tau_ms"),
    [
        # (2.3): RTTVAR = 3/4·40 + 1/4·|80 − 160| = 50, SRTT = 7/8·80 + 1/8·160 = 90
        ((80, 160), 90, 50, 290),
        # then RTTVAR = 3/4·50 + 1/4·|90 − 170| = 57.5, SRTT = 7/8·90 + 1/8·170 = 100
        ((80, 160, 170), 100, 57.5, 330),
        # and downwards: RTTVAR = 3/4·57.5 + 1/4·|100 − 20| = 63.125, SRTT = 90
        ((80, 160, 170, 20), 90, 63.125, 342.5),
    ],
)
def test_every_further_answer_moves_variation_by_a_quarter_and_mean_by_an_eighth(
    rtts_ms: tuple[int, ...], srtt_ms: float, rttvar_ms: float, tau_ms: float
) -> None:
    fed = estimator(*rtts_ms)
    assert fed.srtt_ns / MS == pytest.approx(srtt_ms, abs=1e-5)
    assert fed.rttvar_ns / MS == pytest.approx(rttvar_ms, abs=1e-5)
    assert fed.tau_ns / MS == pytest.approx(tau_ms, abs=1e-4)


def test_a_steady_near_target_is_suspicious_at_the_floor_and_not_before() -> None:
    assert estimator(*[5] * 50).tau_ns == FLOOR


def test_the_floor_is_fifty_milliseconds_for_who_probes_every_fifty() -> None:
    fast, balanced = ProbeTiming(50, 500, 10, 200), ProbeTiming(500, 1_000, 50, 500)
    assert fast.suspect_floor_ns == 50 * MS
    assert balanced.suspect_floor_ns == 100 * MS


def test_tau_is_never_beyond_the_timeout_at_which_the_probe_is_lost_anyway() -> None:
    assert estimator(900, 100, 900, 100).tau_ns == TIMEOUT
    assert RttEstimator(FLOOR, 40 * MS).tau_ns == 40 * MS


def test_an_answer_within_no_time_at_all_is_an_answer() -> None:
    fed = RttEstimator(0, TIMEOUT)
    fed.feed(0)
    assert fed.srtt_ns > 0  # or the next answer would count as the first
    assert fed.tau_ns < MS


def test_a_successor_goes_on_with_the_figures_of_its_predecessor() -> None:
    before, after = estimator(80, 160, 170), RttEstimator(FLOOR, TIMEOUT)
    after.restore(before.srtt_ns, before.rttvar_ns)
    assert after.tau_ns == before.tau_ns
    before.feed(20 * MS)
    after.feed(20 * MS)
    assert (after.srtt_ns, after.rttvar_ns) == (before.srtt_ns, before.rttvar_ns)


def test_a_predecessor_without_an_answer_teaches_nothing() -> None:
    after = RttEstimator(FLOOR, TIMEOUT)
    after.restore(0, 0)
    assert after.tau_ns == FIRST_TAU_NS
    after.feed(80 * MS)
    assert after.rttvar_ns == 40 * MS


def test_restored_figures_keep_within_the_bounds_of_now() -> None:
    after = RttEstimator(FLOOR, TIMEOUT)
    after.restore(5_000 * MS, 0)
    assert after.tau_ns == TIMEOUT
    after.restore(1 * MS, 0)
    assert after.tau_ns == FLOOR


@given(st.lists(st.integers(0, 10_000 * MS), min_size=1, max_size=200))
def test_tau_keeps_its_bounds_and_the_mean_those_of_the_answers(rtts: list[int]) -> None:
    fed = RttEstimator(FLOOR, TIMEOUT)
    for rtt_ns in rtts:
        fed.feed(rtt_ns)
        assert FLOOR <= fed.tau_ns <= TIMEOUT
        assert fed.rttvar_ns >= 0
    assert min(rtts) - len(rtts) <= fed.srtt_ns <= max(1, *rtts) + 1
