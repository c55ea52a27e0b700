"""Runs of suspects and answers decide about life, never an average."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from health.domain.liveness import HEALED_SOON_NS, HOLD_LEARNED_FOR_NS, Liveness, LivenessChange

DIED, CAME_BACK = LivenessChange.DIED, LivenessChange.CAME_BACK
MS = 1_000_000
HOLD = 500 * MS


class Life:
    """A liveness whose probes leave every 100 ms and have their end 100 ms later."""

    def __init__(self) -> None:
        self.liveness = Liveness(HOLD)
        self.now_ns = 1_000_000 * MS

    def play(self, story: str) -> list[LivenessChange | None]:
        """``a`` is an answer, ``x`` none, ``p`` a proof that the link is down."""
        return [self._step(step) for step in story]

    def _step(self, step: str) -> LivenessChange | None:
        self.now_ns += 100 * MS
        if step == "a":
            return self.liveness.answered(self.now_ns)
        if step == "p":
            return self.liveness.link_lost(self.now_ns)
        return self.liveness.unanswered(self.now_ns - 100 * MS, self.now_ns)

    @property
    def alive(self) -> bool | None:
        return self.liveness.alive


def test_a_new_target_is_judged_from_its_third_settled_probe() -> None:
    life = Life()
    life.play("aa")
    assert life.alive is None
    life.play("a")
    assert life.alive is True


def test_five_suspects_are_not_death_and_the_sixth_is() -> None:
    life = Life()
    life.play("aaa" + "xxxxx")
    assert life.alive is True
    assert life.play("x") == [DIED]
    assert life.alive is False


def test_six_suspects_within_less_than_hold_are_not_death() -> None:
    life = Liveness(HOLD)
    for _ in range(3):
        life.answered(0)
    sent = [n * 50 * MS for n in range(20)]
    died = [now for now in sent if life.unanswered(now, now + 60 * MS) is DIED]
    # The run spans the time from the sending of the first to the end of the last.
    assert died == [450 * MS]
    assert life.run == 20


def test_the_span_of_a_run_begins_with_the_earliest_sending() -> None:
    life = Liveness(HOLD)
    life.unanswered(400 * MS, 450 * MS)
    for _ in range(4):
        life.unanswered(460 * MS, 470 * MS)
    assert life.unanswered(0, 500 * MS) is DIED


def test_any_answer_ends_a_run() -> None:
    life = Life()
    assert DIED not in life.play("aaa" + "xxxxxa" * 20)
    assert life.alive is True


def test_a_target_that_never_answered_is_dead_after_six_suspects() -> None:
    life = Life()
    assert life.play("xxxxx")[-1] is None
    assert life.alive is None
    assert life.play("x") == [DIED]


def test_a_dead_target_lives_again_after_three_answers_in_a_row() -> None:
    life = Life()
    life.play("x" * 6)
    assert life.play("aaxaa") == [None] * 5
    assert life.alive is False
    assert life.play("a") == [CAME_BACK]
    assert life.alive is True


def test_a_link_that_this_host_saw_go_down_is_dead_at_once() -> None:
    life = Life()
    life.play("aaa")
    assert life.play("p") == [DIED]
    assert life.play("p") == [None]


def test_a_death_that_healed_soon_doubles_the_hold_but_only_once() -> None:
    life = Life()
    for _ in range(3):
        life.play("aaa" + "x" * 20)
        life.play("aaa")
        assert life.liveness.hold_now_ns(life.now_ns) == 2 * HOLD


def test_a_long_outage_teaches_nothing() -> None:
    life = Life()
    life.play("aaa" + "x" * 6)
    life.now_ns += HEALED_SOON_NS
    life.play("aaa")
    assert life.liveness.hold_now_ns(life.now_ns) == HOLD


def test_a_doubled_hold_is_forgotten_after_two_hours() -> None:
    life = Life()
    life.play("aaa" + "x" * 6 + "aaa")
    learned = life.now_ns
    assert life.liveness.hold_now_ns(learned + HOLD_LEARNED_FOR_NS - 1) == 2 * HOLD
    assert life.liveness.hold_now_ns(learned + HOLD_LEARNED_FOR_NS) == HOLD


def test_a_record_goes_on_where_it_was_taken() -> None:
    life, heir = Life(), Life()
    life.play("aaaxxxxxx" + "aaa" + "xxx")
    heir.liveness.restore(life.liveness.record())
    heir.now_ns = life.now_ns
    story = "xxxxxxxxxxxxaaaxxx"
    assert heir.play(story) == life.play(story)


@given(st.text("axp", max_size=200))
def test_deaths_and_returns_alternate_and_only_they_change_a_judged_life(story: str) -> None:
    life = Life()
    judged: list[LivenessChange] = []
    for step in story:
        before = life.alive
        change = life.play(step)[0]
        if change is None:
            assert life.alive == before or before is None
        else:
            judged.append(change)
            assert life.alive is (change is CAME_BACK)
    expected = [DIED if n % 2 == 0 else CAME_BACK for n in range(len(judged))]
    assert judged == expected
