"""The past of a path: its slots in order, bounded, and refused with the cure."""

from __future__ import annotations

import pytest

from health.selectors.history import MAX_POINTS, TooManyPoints, path_history, status_changes
from tests.factories import HealthSampleFactory, PathFactory, StatusChangeFactory

pytestmark = pytest.mark.django_db
SLOT = 1_700_000_000


@pytest.fixture
def path_id() -> int:
    path = PathFactory()
    for number in range(6):
        HealthSampleFactory(path=path, timestamp=SLOT + 10 * number, sent=number)
    HealthSampleFactory(timestamp=SLOT)  # of another path
    found: int = path.pk
    return found


@pytest.mark.parametrize(
    ("since", "until", "sent"),
    [
        (SLOT, SLOT + 60, [0, 1, 2, 3, 4, 5]),
        (SLOT + 0.5, SLOT + 60, [1, 2, 3, 4, 5]),
        (SLOT + 10, SLOT + 30, [1, 2]),
        (SLOT + 10, SLOT + 30.5, [1, 2, 3]),
        (SLOT + 10, SLOT + 10, []),
        (SLOT - 1_000, SLOT + 1, [0]),
    ],
)
def test_slots_that_begin_within_the_span_come_oldest_first(
    path_id: int, since: float, until: float, sent: list[int]
) -> None:
    assert [point.sent for point in path_history(path_id, since=since, until=until)] == sent


def test_a_reversed_span_is_refused(path_id: int) -> None:
    with pytest.raises(ValueError, match="exchange the two"):
        path_history(path_id, since=SLOT + 1, until=SLOT)


def test_more_points_than_an_answer_may_have_are_refused_with_the_longest_span(
    path_id: int,
) -> None:
    longest = SLOT + 10 * MAX_POINTS
    assert len(path_history(path_id, since=SLOT, until=longest)) == 6
    with pytest.raises(TooManyPoints, match=r"5001 points .* at most 5000 \(13 hours\)"):
        path_history(path_id, since=SLOT, until=longest + 1)


def test_changes_of_status_come_newest_first_and_no_more_than_asked_for() -> None:
    path = PathFactory()
    for at in (3.0, 1.0, 2.0):
        StatusChangeFactory(path=path, timestamp=at)
    StatusChangeFactory()
    assert [change.timestamp for change in status_changes(path.pk, limit=2)] == [3.0, 2.0]
