"""Switches that were made while the database was away, brought in with their real times.

Exactly once: the state by compare-and-swap on the generation, ``triggered`` and
``completed`` by their unique constraint, everything else by the mark of its entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from failover.domain.situation import Notice, Switch
from failover.executors.base import Applied
from failover.models import (
    EventType,
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    OutboxMessage,
    OutboxTopic,
)
from failover.services.audit import add_event
from failover.services.outcomes import finish_switch
from failover.services.published import PublishedState, Scores, StaleGeneration
from failover.services.switches import begin_switch


@dataclass(frozen=True, slots=True)
class JournaledSwitch:
    """A switch as the local journal has it; ``mark`` names its entry for ever.

    ``applied`` (with ``ended_at``) is its end; None when the process died before it was
    known: then it is carried out again, which does no harm. ``errors`` are attempts that
    failed; with neither an end nor an open attempt nothing was changed.
    """

    mark: str
    switch: Switch
    notices: Sequence[Notice]
    published: PublishedState
    scores: Scores
    evidence: dict[str, Any]
    at: datetime
    is_open: bool = False
    applied: Applied | None = None
    ended_at: datetime | None = None
    errors: Sequence[str] = ()


def import_switch(policy: FailoverPolicy, journaled: JournaledSwitch, *, lease_epoch: int) -> None:
    """Bring one switch in, unless it is in already."""
    if journaled.applied is None and not journaled.is_open:
        said = f"The database was away, and {len(journaled.errors)} attempts failed: "
        _tell_once(policy, journaled, said + "; ".join(journaled.errors), lease_epoch)
        return
    event = _begun(policy, journaled, lease_epoch)
    if event is None:
        said = (
            f"The database was away and {policy.name} was moved (generation "
            f"{journaled.switch.generation}): {journaled.switch.reason} Another decision was "
            "stored meanwhile; it holds."
        )
        _tell_once(policy, journaled, said, lease_epoch)
        return
    if journaled.applied is None:
        return
    undone = OutboxMessage.objects.filter(
        event=event, topic=OutboxTopic.ACTUATE, done_at__isnull=True
    )
    for message in undone.select_related("event__policy"):
        finish_switch(message, journaled.applied, now=journaled.ended_at or journaled.at)


def _begun(
    policy: FailoverPolicy, journaled: JournaledSwitch, lease_epoch: int
) -> FailoverEvent | None:
    """The ``triggered`` event of the switch, old or new; None when it is another one's."""
    switch = journaled.switch
    try:
        return begin_switch(
            policy,
            switch,
            journaled.notices,
            journaled.published,
            scores=journaled.scores,
            evidence={**journaled.evidence, "journal": journaled.mark},
            lease_epoch=lease_epoch,
            now=journaled.at,
        )
    except (StaleGeneration, IntegrityError):
        # Committed just before the database went, or imported before a crash.
        return FailoverEvent.objects.filter(
            policy_uid=policy.uid,
            generation=switch.generation,
            event_type=EventType.TRIGGERED,
            to_path=switch.to_key,
        ).first()


def _tell_once(
    policy: FailoverPolicy, journaled: JournaledSwitch, reason: str, lease_epoch: int
) -> None:
    with transaction.atomic():
        known = FailoverEvent.objects.filter(
            policy_uid=policy.uid, event_type=EventType.FAILED, evidence__journal=journaled.mark
        )
        state = FailoverState.objects.filter(policy=policy).first()
        if known.exists() or state is None:
            return
        add_event(
            policy,
            EventType.FAILED,
            reason=reason,
            generation=state.generation,
            lease_epoch=lease_epoch,
            now=journaled.at,
            scores=journaled.scores,
            direction=journaled.switch.direction.value,
            from_path_id=journaled.switch.from_key,
            to_path_id=journaled.switch.to_key,
            evidence={"journal": journaled.mark},
        )
