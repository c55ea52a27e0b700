"""Writes of ``failover``, each a transaction of its own; callers say ``services.…``.

``switches`` makes decisions durable, ``outcomes`` records what became of them, ``states``
and ``in_force`` keep wish and fact, ``retirement`` ends policies, ``audit`` writes events.
"""

from __future__ import annotations

from failover.services.imports import JournaledSwitch, import_switch
from failover.services.in_force import (
    MAX_FAILED_REPAIRS,
    adopt,
    clear_trouble,
    forget_in_force,
    keep_trouble,
    record_failed_repair,
    record_repair,
)
from failover.services.outcomes import (
    FIRST_RETRY_SECS,
    LONGEST_RETRY_SECS,
    MAX_DOUBLINGS,
    close_message,
    fail_switch,
    finish_switch,
    give_up,
    supersede,
)
from failover.services.published import PublishedState, Scores, StaleGeneration
from failover.services.retirement import best_candidate, retire_policy, why_path_cannot_leave
from failover.services.states import adopt_states, ensure_states, publish
from failover.services.switches import announce, begin_switch

__all__ = [
    "FIRST_RETRY_SECS",
    "LONGEST_RETRY_SECS",
    "MAX_DOUBLINGS",
    "MAX_FAILED_REPAIRS",
    "JournaledSwitch",
    "PublishedState",
    "Scores",
    "StaleGeneration",
    "adopt",
    "adopt_states",
    "announce",
    "begin_switch",
    "best_candidate",
    "clear_trouble",
    "close_message",
    "ensure_states",
    "fail_switch",
    "finish_switch",
    "forget_in_force",
    "give_up",
    "import_switch",
    "keep_trouble",
    "publish",
    "record_failed_repair",
    "record_repair",
    "retire_policy",
    "supersede",
    "why_path_cannot_leave",
]
