"""Which paths are dead, and which are only unwell."""

from __future__ import annotations

from failover.domain.evidence import is_dead
from tests.unit.failover.domain.worlds import BAD, DEAD, GOOD, RECOVERING, UNKNOWN


def test_only_a_path_judged_unreachable_is_dead() -> None:
    assert is_dead(DEAD)
    assert not any(is_dead(view) for view in (GOOD, BAD, UNKNOWN, RECOVERING))
