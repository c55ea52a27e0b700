"""Loss and delay variation of each direction, held against a network whose faults are known."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.directions import (
    MIN_PROBES,
    NO_DIRECTIONS,
    SLICES,
    DirectionMetrics,
    DirectionStamps,
    DirectionWindow,
)

MS = 1_000_000
SECOND = 1_000_000_000
INTERVAL = SECOND // 2
SPAN = 3600 * SECOND
MODULUS = 1 << 32

OK, THERE, BACK = "answered", "lost on the way there", "lost on the way back"
fates = st.lists(st.sampled_from([OK, THERE, BACK]), max_size=200)
u32 = st.integers(0, MODULUS - 1)


class World:
    """A window, and the reflector at the other end of it."""

    def __init__(self, *, span: int = SPAN, ours: int = 1000, theirs: int = 0) -> None:
        self.window = DirectionWindow(span, INTERVAL, SECOND)
        self.ours, self.theirs = ours, theirs
        self.number = 0
        self.now = 0

    def send(self, *, counts: bool = True) -> int:
        self.number += 1
        self.now += INTERVAL
        self.window.sent(self.number, self.now, counts=counts)
        self.ours = (self.ours + 1) % MODULUS
        return self.number

    def count(self) -> int:
        """The reflector takes a packet in."""
        self.theirs = (self.theirs + 1) % MODULUS
        return self.theirs

    def probe(
        self, fate: str, forward: int = MS, backward: int = MS, *, counts: bool = True
    ) -> None:
        number = self.send(counts=counts)
        counted = None if fate == THERE else self.count()
        if fate == OK:
            stamps = DirectionStamps(self.ours, counted, forward, backward)
            self.window.answered(number, stamps)
        else:
            self.window.lost(number)

    def run(self, story: Iterable[str]) -> DirectionMetrics:
        for fate in story:
            self.probe(fate)
        return self.window.metrics()


def losses(metrics: DirectionMetrics) -> tuple[float | None, float | None]:
    return metrics.forward_loss_pct, metrics.backward_loss_pct


def truth(story: Sequence[str]) -> tuple[float, float]:
    return (
        pytest.approx(100 * story.count(THERE) / len(story)),
        pytest.approx(100 * story.count(BACK) / len(story)),
    )


@given(fates, u32, u32)
def test_any_mixture_of_losses_is_told_apart_once_later_answers_arrived(
    middle: list[str], ours: int, theirs: int
) -> None:
    story = [OK, *middle, *[OK] * MIN_PROBES]
    assert losses(World(ours=ours, theirs=theirs).run(story)) == truth(story)


@given(fates, st.randoms(use_true_random=False))
def test_the_order_in_which_probes_settle_changes_nothing(
    middle: list[str], rng: random.Random
) -> None:
    story = [OK, *middle, *[OK] * MIN_PROBES]
    world = World()
    ends = []
    for fate in story:
        number = world.send()
        counted = None if fate == THERE else world.count()
        ends.append((number, world.ours, counted if fate == OK else None))
    rng.shuffle(ends)
    for number, ours, counted in ends:
        if counted is None:
            world.window.lost(number)
        else:
            world.window.answered(number, DirectionStamps(ours, counted, MS, MS))
    assert losses(world.window.metrics()) == truth(story)


@given(fates, st.lists(st.sampled_from([THERE, BACK]), max_size=30))
def test_both_directions_add_up_to_the_loss_of_the_same_probes(
    middle: list[str], unresolved: list[str]
) -> None:
    story = [OK, *middle, *[OK] * MIN_PROBES]
    forward, backward = losses(World().run([*story, *unresolved]))
    assert forward is not None
    assert backward is not None
    lost = story.count(THERE) + story.count(BACK)
    assert forward + backward == pytest.approx(100 * lost / len(story))


@given(st.lists(st.sampled_from([OK, THERE, BACK]), min_size=1, max_size=60))
def test_the_confirmations_of_a_loss_tell_its_direction_but_count_in_nothing(
    base: list[str],
) -> None:
    """After each base probe that was lost, one more probe is sent, and it is answered."""
    story = [OK, *base, *[OK] * MIN_PROBES]
    world = World()
    for fate in story:
        world.probe(fate)
        if fate != OK:
            world.probe(OK, counts=False)
    assert losses(world.window.metrics()) == truth(story)


@pytest.mark.parametrize("fate", [THERE, BACK])
def test_an_outage_of_one_direction_is_told_exactly_with_lost_confirmations_in_it(
    fate: str,
) -> None:
    world = World()
    story = [OK] * 20 + [fate] * 10 + [OK]
    for at in story:
        world.probe(at)
        if at != OK:
            world.probe(at, counts=False)
    assert losses(world.window.metrics()) == truth(story)


def test_an_outage_of_both_directions_is_shared_out_in_proportion() -> None:
    world = World()
    world.run([OK] * 20 + [THERE] * 6)
    for fate in [THERE] * 3 + [BACK] * 3:
        world.probe(fate, counts=False)
    world.run([BACK] * 6)
    assert losses(world.run([OK])) == (pytest.approx(600 / 33), pytest.approx(600 / 33))


def test_losses_without_a_later_answer_count_in_neither_direction() -> None:
    world = World()
    assert losses(world.run([OK] * 20 + [THERE] * 5 + [BACK] * 5)) == (0, 0)
    assert losses(world.run([OK])) == (
        pytest.approx(100 * 5 / 31),
        pytest.approx(100 * 5 / 31),
    )


@given(st.integers(2, 60), st.randoms(use_true_random=False))
def test_packets_that_overtake_each_other_are_not_lost(count: int, rng: random.Random) -> None:
    """Each arrives at the reflector up to two intervals late."""
    world = World()
    sent = [(world.send(), world.ours, world.now + rng.randrange(2 * INTERVAL - 1))
            for _ in range(count)]  # fmt: skip
    for number, ours, _ in sorted(sent, key=lambda probe: probe[2]):
        world.window.answered(number, DirectionStamps(ours, world.count(), MS, MS))
    metrics = world.run([OK] * MIN_PROBES)
    assert losses(metrics) == (0, 0)


@pytest.mark.parametrize("fate", [THERE, BACK])
def test_an_overtaking_beside_a_loss_does_not_turn_its_direction(fate: str) -> None:
    world = World()
    world.run([OK] * 9)
    first, ours = world.send(), world.ours
    second = world.send()
    later = world.count()
    world.window.answered(second, DirectionStamps(world.ours, later, MS, MS))
    world.window.answered(first, DirectionStamps(ours, world.count(), MS, MS))
    forward, backward = losses(world.run([fate, OK, OK]))
    assert (forward, backward) == truth([OK] * 11 + [fate, OK, OK])


def test_a_reflector_that_was_started_anew_shows_no_false_loss() -> None:
    world = World()
    story = [OK] * 10 + [THERE] + [OK] * 10
    world.run(story)
    world.theirs = 0
    forward, backward = losses(world.run([OK] * 20))
    assert forward == pytest.approx(100 / 41, rel=0.15)
    assert backward == 0
    forward, backward = losses(world.run([BACK, OK, THERE, THERE, OK]))
    assert forward == pytest.approx(300 / 46, rel=0.15)
    assert backward == pytest.approx(100 / 46, rel=0.15)


def test_losses_around_a_restart_of_the_reflector_count_in_neither_direction() -> None:
    world = World()
    world.run([OK] * 20 + [THERE, BACK, THERE])
    world.theirs = 0
    assert losses(world.run([OK] * 20)) == (0, 0)


def test_a_new_session_of_ours_shows_no_false_loss() -> None:
    world = World()
    world.run([OK] * 20)
    world.ours, world.theirs = 77_777, 0
    assert losses(world.run([OK] * 20)) == (0, 0)
    assert losses(world.run([BACK, OK])) == (0, pytest.approx(100 / 42))


def test_a_packet_doubled_on_the_way_there_is_no_loss_and_spoils_one_block_at_most() -> None:
    world = World()
    story: list[str] = []
    for at in range(100):
        if at % 10 == 5:
            world.count()
        fate = BACK if at % 10 == 9 else OK
        story.append(fate)
        world.probe(fate)
    world.run([OK])
    assert losses(world.window.metrics()) == truth([*story, OK])


def test_more_packets_counted_than_were_sent_say_nothing_of_the_loss_between() -> None:
    world = World()
    world.run([OK] * 20)
    world.count()
    assert losses(world.run([BACK, OK])) == (0, 0)
    assert losses(world.run([BACK, OK]))[1] == pytest.approx(100 / 23)


def test_a_stateless_reflector_tells_no_loss_but_variation() -> None:
    world = World()
    for at in range(20):
        number = world.send()
        world.window.answered(number, DirectionStamps(world.ours, None, at % 2 * MS, 5 * MS))
    assert world.window.metrics() == (None, None, 1.0, 0.0)


def test_fewer_than_ten_probes_say_nothing() -> None:
    world = World()
    assert world.run([OK] * (MIN_PROBES - 1)) == NO_DIRECTIONS
    assert losses(world.run([OK])) == (0, 0)


def test_a_probe_that_says_nothing_leaves_the_losses_beside_it_without_direction() -> None:
    world = World()
    world.run([OK] * 20)
    world.window.ignored(world.send())
    assert losses(world.run([THERE, OK])) == (0, 0)
    assert losses(world.run([THERE, OK]))[0] == pytest.approx(100 / 23)


def test_the_window_forgets_what_is_older_than_its_span() -> None:
    world = World(span=60 * SECOND)
    world.run([OK] * 10 + [BACK] * 50 + [OK] * 130)
    world.window.expire(world.now)
    assert losses(world.window.metrics()) == (0, 0)
    world.window.expire(world.now + 61 * SECOND)
    assert world.window.metrics()[:2] != (0, 0)
    world.window.expire(world.now + (60 + 60 // SLICES) * SECOND)
    assert world.window.metrics() == NO_DIRECTIONS


def test_a_slow_path_still_has_sixty_probes_in_its_window() -> None:
    window = DirectionWindow(60 * SECOND, 10 * SECOND, SECOND)
    assert window.span_ns == 600 * SECOND


def test_a_probe_that_never_settles_does_not_hold_up_the_others_for_ever() -> None:
    world = World(span=60 * SECOND)
    world.send()
    world.run([OK] * 121)
    assert world.window.metrics() == NO_DIRECTIONS
    world.window.expire(world.now)
    assert losses(world.window.metrics()) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=10, max_size=60))
def test_variation_is_that_of_each_direction_whatever_the_clocks_are_off(
    delays: list[tuple[int, int]],
) -> None:
    offset = -7_200 * SECOND
    world = World()
    for forward, backward in delays:
        world.probe(OK, forward * MS + offset, backward * MS - offset)
    pairs = itertools.pairwise(delays)
    kept = [(abs(b[0] - a[0]), abs(b[1] - a[1])) for a, b in pairs]  # none exceeds the round trip
    metrics = world.window.metrics()
    assert metrics.forward_jitter_ms == pytest.approx(sum(k[0] for k in kept) / len(kept))
    assert metrics.backward_jitter_ms == pytest.approx(sum(k[1] for k in kept) / len(kept))


def test_a_lost_probe_parts_its_neighbours() -> None:
    world = World()
    for at in range(20):
        world.probe(OK, MS if at < 10 else 9 * MS)
        if at == 9:
            world.probe(THERE)
    assert world.window.metrics().forward_jitter_ms == 0


@pytest.mark.parametrize("step", [-3600 * SECOND, 5 * MS, 3600 * SECOND])
def test_a_step_of_the_reflector_s_clock_is_left_out(step: int) -> None:
    world = World()
    for at in range(20):
        off = step if at >= 10 else 0
        world.probe(OK, MS + off, MS - off)
    assert world.window.metrics()[2:] == (0, 0)


def test_a_drift_of_the_clocks_is_no_variation_to_speak_of() -> None:
    world = World()
    for at in range(100):
        drift = at * INTERVAL * 200 // 1_000_000
        world.probe(OK, 10 * MS + drift, 10 * MS - drift)
    assert world.window.metrics().forward_jitter_ms == pytest.approx(0.1)


ANYTHING = st.tuples(
    st.sampled_from(["answered", "lost", "ignored"]),
    st.booleans(),  # counts
    st.integers(0, 6),  # how far our own number moves on
    st.one_of(st.none(), st.integers(-5, 5), u32),  # how far the reflector's does
    st.integers(-SECOND, SECOND),
)


@given(st.lists(ANYTHING, max_size=120), st.randoms(use_true_random=False))
def test_a_reflector_that_says_anything_at_all_cannot_make_more_loss_than_there_was(
    story: list[tuple[str, bool, int, int | None, int]], rng: random.Random
) -> None:
    window = DirectionWindow(20 * INTERVAL, INTERVAL, SECOND)
    sequence, theirs, ends = 0, 0, []
    for key, (fate, counts, step, their_step, delay) in enumerate(story):
        window.sent(key, key * INTERVAL, counts=counts)
        sequence, theirs = (sequence + step) % MODULUS, (theirs + (their_step or 0)) % MODULUS
        number = None if their_step is None else theirs
        ends.append((key, fate, DirectionStamps(sequence, number, delay, rng.randrange(SECOND))))
        if rng.random() < 0.5:
            settle_some(window, ends, rng)
        window.expire(key * INTERVAL)
        assert_possible(window.metrics(), story)
    settle_some(window, ends, rng)
    assert_possible(window.metrics(), story)


def settle_some(
    window: DirectionWindow, ends: list[tuple[int, str, DirectionStamps]], rng: random.Random
) -> None:
    rng.shuffle(ends)
    while ends:
        key, fate, stamps = ends.pop()
        if fate == "answered":
            window.answered(key, stamps)
        elif fate == "lost":
            window.lost(key)
        else:
            window.ignored(key)


def assert_possible(
    metrics: DirectionMetrics, story: list[tuple[str, bool, int, int | None, int]]
) -> None:
    forward, backward = metrics.forward_loss_pct, metrics.backward_loss_pct
    if forward is not None and backward is not None:
        assert forward >= 0
        assert backward >= 0
        assert forward + backward <= 100
        if not any(fate == "lost" and counts for fate, counts, *_ in story):
            assert forward == backward == 0
    for jitter in metrics[2:]:
        assert jitter is None or jitter >= 0


def test_the_memory_does_not_grow_with_the_number_of_probes() -> None:
    world = World(span=60 * SECOND)
    for _ in range(5_000):
        world.probe(OK)
        world.window.expire(world.now)
    assert len(world.window._slices) <= SLICES + 1
    assert len(world.window._anchors._anchors) <= 4
    assert not world.window._open
