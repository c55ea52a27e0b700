"""Blame: every condition is needed, and one good word acquits."""

from __future__ import annotations

from collections.abc import Iterator

from health.domain.blame import TargetWitness, is_to_blame

ACCUSES = TargetWitness(bad=True, another_answers=True)
ALONE = TargetWitness(bad=True, another_answers=False)
ACQUITS = TargetWitness(bad=False, another_answers=True)


def test_a_target_that_is_bad_on_two_paths_with_other_answers_is_to_blame() -> None:
    assert is_to_blame([ACCUSES, ACCUSES])
    assert is_to_blame([ACCUSES] * 50)


def test_one_path_alone_blames_nobody() -> None:
    assert not is_to_blame([ACCUSES])
    assert not is_to_blame([])


def test_one_path_on_which_it_answers_acquits_a_target() -> None:
    assert not is_to_blame([ACCUSES, ACCUSES, ACQUITS])


def test_one_path_without_another_answer_acquits_a_target() -> None:
    assert not is_to_blame([ACCUSES, ACCUSES, ALONE])


def test_nobody_is_asked_after_the_first_good_word() -> None:
    def words() -> Iterator[TargetWitness]:
        yield ACQUITS
        raise AssertionError("asked on")

    assert not is_to_blame(words())
