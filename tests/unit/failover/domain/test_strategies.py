"""In which order each strategy tries the candidates, and which order a policy gets from it."""

from __future__ import annotations

from typing import Any

import pytest

from failover.domain.gates import in_order
from failover.domain.policy import MemberSpec
from failover.domain.strategies import STRATEGIES, ranking
from failover.domain.views import MemberView
from tests.unit.failover.domain.worlds import (
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    RECOVERING,
    World,
    make_policy,
    on_backup,
    scored,
)

PRICED = (
    MemberSpec(FIBRE, "fibre", cost=10.0),
    MemberSpec(CABLE, "cable", cost=30.0),
    MemberSpec(LTE, "lte", cost=20.0),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_equal_rank_is_broken_by_score_then_latency(strategy: str) -> None:
    best = scored(90.0)._replace(latency_ms=10.0, recent_score=90.0)
    slower = scored(90.0)._replace(latency_ms=30.0, recent_score=90.0)
    worse = scored(60.0)._replace(latency_ms=40.0, recent_score=60.0)
    unmeasured = RECOVERING._replace(latency_ms=None)
    ordered = sorted([unmeasured, worse, slower, best], key=lambda v: ranking(strategy, 1, v))
    assert ordered == [best, slower, worse, unmeasured]


@pytest.mark.parametrize(
    ("strategy", "better", "worse"),
    [
        ("best_score", {"recent_score": 91.0}, {"recent_score": 90.0}),
        ("best_score", {"score": 96.0}, {"recent_score": 95.5}),
        ("best_score", {"recent_score": 0.0}, {"score": None}),
        ("lowest_latency", {"latency_ms": 5.0, "score": 60.0}, {"latency_ms": 5.1}),
        ("lowest_latency", {"latency_ms": 900.0}, {"latency_ms": None}),
        ("least_loaded", {"utilisation_pct": 3.0, "score": 60.0}, {"utilisation_pct": 4.0}),
        ("least_loaded", {"utilisation_pct": 99.0}, {"utilisation_pct": None}),
    ],
)
def test_each_strategy_ranks_by_its_own_measure(
    strategy: str, better: dict[str, Any], worse: dict[str, Any]
) -> None:
    first, second = GOOD._replace(**better), GOOD._replace(**worse)
    assert ranking(strategy, 2, first) < ranking(strategy, 1, second)


@pytest.mark.parametrize("strategy", ["priority", "lowest_cost"])
def test_the_order_of_the_policy_comes_before_score(strategy: str) -> None:
    assert ranking(strategy, 1, scored(55.0)) < ranking(strategy, 2, scored(100.0))


def test_lowest_cost_orders_a_policy_by_cost_and_equal_costs_as_listed() -> None:
    assert make_policy(members=PRICED, strategy="lowest_cost").order == (FIBRE, LTE, CABLE)
    assert make_policy(members=PRICED).order == (FIBRE, CABLE, LTE)
    assert make_policy(strategy="lowest_cost").order == (FIBRE, CABLE, LTE)


def test_the_place_in_the_order_and_the_listed_place_are_told_apart() -> None:
    policy = make_policy(members=PRICED, strategy="lowest_cost")
    assert (policy.place_of(LTE), policy.index_of(LTE)) == (1, 2)
    assert policy.place_of(77) is None


def test_a_dead_path_is_left_for_the_cheapest_that_works() -> None:
    world = on_backup(members=PRICED, strategy="lowest_cost")
    assert world.active == LTE


def test_traffic_returns_to_the_cheaper_path_whatever_its_place_in_the_list() -> None:
    world = World(members=PRICED, strategy="lowest_cost")
    world.run(20.0)
    world.see(FIBRE, LTE, view=DEAD).run(20.0)
    assert world.active == CABLE
    world.see(LTE, view=GOOD).run(59.0)
    assert world.active == CABLE
    world.run(2.0)
    assert world.active == LTE


def test_a_dead_path_is_left_for_the_one_the_strategy_ranks_first() -> None:
    slow, quick = GOOD._replace(latency_ms=60.0), GOOD._replace(latency_ms=30.0)
    views: dict[int, MemberView] = {CABLE: slow, LTE: quick}
    for strategy, expected in (("priority", CABLE), ("lowest_latency", LTE)):
        world = World(strategy=strategy)
        world.views.update(views)
        world.run(20.0)
        world.see(FIBRE, view=DEAD).run(5.0)
        assert world.active == expected


def test_candidates_that_rank_alike_keep_the_order_of_the_policy() -> None:
    world = World(strategy="best_score").see(LTE, view=GOOD).see(CABLE, view=GOOD)
    assert in_order(world.situation()) == [CABLE, LTE]


def test_every_strategy_has_words_for_people() -> None:
    assert all(row.label and row.help_text for row in STRATEGIES.values())
