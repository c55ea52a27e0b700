"""Runs of losses and answers decide about life, never an average."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from health.domain.liveness import Liveness, LivenessChange

DIED, CAME_BACK = LivenessChange.DIED, LivenessChange.CAME_BACK


def play(life: Liveness, story: str) -> list[LivenessChange | None]:
    """``a`` is an answer, ``x`` a loss, ``p`` a loss with proof that the link is down."""
    return [life.answered() if step == "a" else life.lost(proven=step == "p") for step in story]


def test_a_new_target_is_judged_from_its_third_settled_probe() -> None:
    life = Liveness()
    play(life, "aa")
    assert life.alive is None
    play(life, "a")
    assert life.alive is True


def test_five_losses_are_not_death_and_the_sixth_is() -> None:
    life = Liveness()
    play(life, "aaa" + "xxxxx")
    assert life.alive is True
    assert play(life, "x") == [DIED]
    assert life.alive is False


def test_any_answer_ends_a_run_of_losses() -> None:
    life = Liveness()
    assert DIED not in play(life, "aaa" + "xxxxxa" * 20)
    assert life.alive is True


def test_a_target_that_never_answered_is_dead_after_six_losses() -> None:
    life = Liveness()
    assert play(life, "xxxxx")[-1] is None
    assert life.alive is None
    assert play(life, "x") == [DIED]


def test_a_dead_target_lives_again_after_three_answers_in_a_row() -> None:
    life = Liveness()
    play(life, "x" * 6)
    assert play(life, "aaxaa") == [None] * 5
    assert life.alive is False
    assert play(life, "a") == [CAME_BACK]
    assert life.alive is True


def test_a_link_that_this_host_saw_go_down_is_dead_at_once() -> None:
    life = Liveness()
    play(life, "aaa")
    assert play(life, "p") == [DIED]
    assert play(life, "p") == [None]


@given(st.text("axp", max_size=200))
def test_deaths_and_returns_alternate_and_only_they_change_a_judged_life(story: str) -> None:
    life = Liveness()
    judged: list[LivenessChange] = []
    for step in story:
        before = life.alive
        change = play(life, step)[0]
        if change is None:
            assert life.alive == before or before is None
        else:
            judged.append(change)
            assert life.alive is (change is CAME_BACK)
    expected = [DIED if n % 2 == 0 else CAME_BACK for n in range(len(judged))]
    assert judged == expected
    assert life.settled == len(story)
