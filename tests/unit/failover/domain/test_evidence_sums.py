"""Page's sums: what one probe adds, when they begin anew, and when they are enough."""

from __future__ import annotations

import json
import math

import pytest

from failover.domain.cusum import MOST, NEEDED, CusumBank, steps_for

STEPS = steps_for(0.05)


def fed(bads: int, *, secs_needed: int = 8, per_second: int = 1) -> CusumBank:
    bank = CusumBank(secs_needed)
    for number in range(bads):
        bank.bad(number // per_second, STEPS)
    return bank


def test_a_probe_adds_the_logarithm_of_how_much_likelier_it_is_under_the_larger_share() -> None:
    assert STEPS.bad == pytest.approx([math.log(1.5), math.log(2.0), math.log(4.0)])
    assert STEPS.good == pytest.approx([math.log((1.0 - r * 0.05) / 0.95) for r in (1.5, 2.0, 4.0)])


@pytest.mark.parametrize(("share", "as_if"), [(0.0, 0.005), (1.0, 0.95), (0.3, 0.3)])
def test_the_allowed_share_is_taken_into_its_bounds(share: float, as_if: float) -> None:
    assert steps_for(share) == steps_for(as_if)


def test_where_nearly_everything_is_allowed_nothing_is_evidence() -> None:
    assert steps_for(1.0).bad == (0.0, 0.0, 0.0)


def test_good_probes_take_a_sum_back_to_nothing_and_its_seconds_with_it() -> None:
    bank = fed(3)
    proven, strength, seconds = bank.strongest()
    assert (proven, seconds) == (False, 3)
    assert strength == pytest.approx(3.0 * math.log(4.0))
    for _ in range(100):
        bank.good(STEPS)
    assert bank.idle
    assert bank.sums == [0.0, 0.0, 0.0]
    bank.bad(50, STEPS)
    assert bank.strongest()[2] == 1


def test_the_steep_sum_is_empty_before_the_shallow_one() -> None:
    bank = fed(2)
    while bank.sums[2]:
        bank.good(STEPS)
    assert bank.sums[0] > 0.0


def test_a_sum_is_kept_at_its_most() -> None:
    assert max(fed(1000).sums) == MOST


def test_neither_a_large_sum_nor_many_seconds_are_enough_alone() -> None:
    within_seven_seconds = fed(70, per_second=10)
    assert within_seven_seconds.strongest() == (False, MOST, 7)
    small = CusumBank(8)
    for second in range(8):
        small.bad(second, steps_for(0.6))
    proven, strength, seconds = small.strongest()
    assert (proven, seconds) == (False, 8)
    assert strength < NEEDED
    assert fed(9).strongest()[0] is True


def test_a_successor_goes_on_with_the_same_sums() -> None:
    bank, successor = fed(5), CusumBank(8)
    successor.restore(json.loads(json.dumps(bank.record())))
    for one in (bank, successor):
        one.good(STEPS)
        one.bad(9, STEPS)
    assert successor.record() == bank.record()
    assert successor.strongest() == bank.strongest()
