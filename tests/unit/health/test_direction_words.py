"""Loss and variation of each direction as people read them, and what is not known said so."""

from __future__ import annotations

import pytest

from health.console.direction_words import DirectionWords, direction_words
from health.domain.directions import NO_DIRECTIONS, DirectionMetrics

GAP = "\N{NO-BREAK SPACE}"
ALL = DirectionMetrics(4.0, 1.0, 1.5, 12.34)


def words_of(
    told: DirectionMetrics, *, is_measured: bool = True, reachable: bool | None = True
) -> DirectionWords:
    """The words with plain spaces."""
    found = direction_words(told, is_measured=is_measured, reachable=reachable)
    return DirectionWords(found.text.replace(GAP, " "), found.note)


def test_a_narrow_column_never_parts_a_number_from_its_way_or_its_unit() -> None:
    text = direction_words(ALL, is_measured=True, reachable=True).text
    assert text.split(" ") == [
        f"there{GAP}4.0{GAP}%{GAP}lost,", f"back{GAP}1.0{GAP}%;",
        f"variation{GAP}there{GAP}1.5{GAP}ms,", f"back{GAP}12.3{GAP}ms",
    ]  # fmt: skip


def test_all_that_is_known_is_one_sentence_without_a_note() -> None:
    assert words_of(ALL) == DirectionWords(
        "there 4.0 % lost, back 1.0 %; variation there 1.5 ms, back 12.3 ms"
    )


def test_no_loss_is_a_zero_and_a_small_variation_is_not() -> None:
    text = words_of(DirectionMetrics(0.0, 0.0, 0.013, 0.8)).text
    assert text == "there 0.0 % lost, back 0.0 %; variation there 0.01 ms, back 0.80 ms"


@pytest.mark.parametrize("reachable", [True, None])
def test_a_path_that_warms_up_says_what_it_waits_for(reachable: bool | None) -> None:
    found = words_of(NO_DIRECTIONS, reachable=reachable)
    assert found.text == "not known yet"
    assert found.note.startswith("It takes 10 probes, and a reflector that counts")


def test_a_reflector_that_does_not_count_leaves_the_variation_and_says_so() -> None:
    found = words_of(DirectionMetrics(None, None, 0.5, 0.5))
    assert found.text.startswith("loss not known yet; variation there 0.50 ms")
    assert "a stateful one" in found.note


def test_loss_is_told_where_the_variation_is_not_known() -> None:
    found = words_of(DirectionMetrics(50.0, 0.0, None, None))
    assert found.text == "there 50.0 % lost, back 0.0 %; variation not known yet"
    assert found.note


def test_a_dead_path_does_not_pass_off_old_figures_as_its_loss_now() -> None:
    found = words_of(DirectionMetrics(0.0, 0.0, 0.5, 0.5), reachable=False)
    assert found.note == "Losses since the last answer are in neither: only a later answer tells."


def test_a_path_that_never_answered_waits_for_an_answer() -> None:
    found = words_of(NO_DIRECTIONS, reachable=False)
    assert found.text == "not known yet"
    assert "only a later answer tells" in found.note


def test_a_path_that_nobody_measures_promises_nothing() -> None:
    assert words_of(NO_DIRECTIONS, is_measured=False) == DirectionWords("not known")
