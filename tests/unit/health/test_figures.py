"""What a monitor tells about itself is read as it is, and what it does not tell is not 0."""

from __future__ import annotations

import pytest

from health.selectors.figures import Figures

TOLD = {
    "ring": {
        "waiting_samples": 170_000, "max_samples": 200_000, "waiting_changes": 3,
        "dropped_samples": 12, "dropped_changes": 0, "last_write_secs": 0.025,
        "database_away_since": 1_700_000_000.5,
    },
    "rejected": {"icmp": {"foreign": 7, "late": 0}, "stamp": {}},
    "unavailable": {"icmp": "Needs CAP_NET_RAW."},
    "modes": {"icmp": "raw"},
    "stalls": 2,
    "blind_secs": 1.5,
}  # fmt: skip


def test_everything_that_is_told_is_there() -> None:
    figures = Figures.read(TOLD)
    assert figures.fill == 0.85
    assert figures.is_nearly_full
    assert figures.has_lost
    assert figures.database_away_since == 1_700_000_000.5
    assert figures.rejected == {"icmp": {"foreign": 7}}
    assert figures.unavailable == {"icmp": "Needs CAP_NET_RAW."}
    assert (figures.stalls, figures.blind_secs) == (2, 1.5)


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        [],
        "nonsense",
        {"ring": None, "rejected": 3, "modes": [], "stalls": "x", "blind_secs": True},
        {"ring": {"waiting_samples": "many", "max_samples": 0}, "rejected": {"icmp": None}},
    ],
)
def test_what_is_not_told_is_none_and_no_nonsense_breaks_a_page(told: object) -> None:
    figures = Figures.read(told)
    assert figures.dropped_samples is None
    assert figures.fill is None
    assert not figures.is_nearly_full
    assert not figures.has_lost
    assert figures.stalls is None
    assert figures.rejected == {}
