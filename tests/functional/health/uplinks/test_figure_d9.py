"""Figure D9, once per event (``PATHWARDEN_D9_ROUNDS`` for more); the benchmark has the times."""

from __future__ import annotations

import os

import pytest

from bench.probing.own_uplink import EVENTS, GIVE_UP_SECS, measure

pytestmark = pytest.mark.root

ROUNDS = int(os.environ.get("PATHWARDEN_D9_ROUNDS", "1"))


@pytest.mark.parametrize("event", EVENTS, ids=[event.name for event in EVENTS])
def test_a_repaired_uplink_is_reachable_again_over_itself_every_time(event):
    times = measure(event, ROUNDS)
    assert len(times.reachable) == len(times.third_answer) == ROUNDS
    assert max(*times.reachable, *times.third_answer) < GIVE_UP_SECS
    assert times.strayed == 0
