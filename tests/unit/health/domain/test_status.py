"""The step from one status to the next, and the faces under which statuses are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.status import FACES, PathStatus, face_of, next_status

UP, DEGRADED, DOWN, UNKNOWN = (
    PathStatus.UP,
    PathStatus.DEGRADED,
    PathStatus.DOWN,
    PathStatus.UNKNOWN,
)
BADNESS = {UP: 0, DEGRADED: 1, DOWN: 2}
scores = st.floats(0, 100)


@pytest.mark.parametrize(
    ("previous", "score", "status"),
    [
        # nothing to leave: the plain bounds
        (UNKNOWN, 100, UP),
        (UNKNOWN, 80, UP),
        (UNKNOWN, 79.999, DEGRADED),
        (UNKNOWN, 50, DEGRADED),
        (UNKNOWN, 49.999, DOWN),
        (UNKNOWN, 0, DOWN),
        # worse at once
        (UP, 80, UP),
        (UP, 79.999, DEGRADED),
        (UP, 50, DEGRADED),
        (UP, 49.999, DOWN),
        (DEGRADED, 50, DEGRADED),
        (DEGRADED, 49.999, DOWN),
        # better only five points beyond the bound
        (DEGRADED, 80, DEGRADED),
        (DEGRADED, 84.999, DEGRADED),
        (DEGRADED, 85, UP),
        (DOWN, 50, DOWN),
        (DOWN, 54.999, DOWN),
        (DOWN, 55, DEGRADED),
        (DOWN, 80, DEGRADED),
        (DOWN, 84.999, DEGRADED),
        (DOWN, 85, UP),
    ],
)
def test_bounds_hold_with_five_points_for_getting_better(
    previous: PathStatus, score: float, status: PathStatus
) -> None:
    assert next_status(previous, score) is status


@given(st.sampled_from([UP, DEGRADED, DOWN, UNKNOWN]), scores)
def test_a_status_is_settled_once_it_has_been_reached(previous: PathStatus, score: float) -> None:
    first = next_status(previous, score)
    assert next_status(first, score) is first


@given(st.sampled_from([UP, DEGRADED, DOWN]), scores, scores)
def test_a_higher_score_never_gives_a_worse_status(
    previous: PathStatus, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert BADNESS[next_status(previous, high)] <= BADNESS[next_status(previous, low)]


@given(st.sampled_from([DEGRADED, DOWN]), st.lists(st.floats(75.01, 84.9), min_size=1))
def test_a_score_that_hovers_at_a_bound_does_not_blink(
    previous: PathStatus, hovering: list[float]
) -> None:
    status = next_status(previous, hovering[0])
    for score in hovering:
        assert next_status(status, score) is status


def test_a_path_that_answers_badly_is_failing_and_a_silent_one_is_down() -> None:
    assert face_of(DOWN, reachable=True).label == "Failing"
    assert face_of(DOWN, reachable=False).label == "Down"


def test_a_path_in_maintenance_is_paused_whatever_it_measures() -> None:
    assert face_of(DOWN, reachable=False, paused=True).label == "Paused"


def test_every_status_has_a_face_also_as_stored_text() -> None:
    for status in PathStatus:
        assert face_of(str(status), reachable=None) == face_of(status, reachable=None)
    assert face_of(UNKNOWN, reachable=None).label == "No data"


def test_faces_sort_worst_first_without_ties() -> None:
    order = sorted(FACES.values(), key=lambda face: face.order)
    assert [face.key for face in order][:2] == ["down", "failing"]
    assert len({face.order for face in order}) == len(FACES)
