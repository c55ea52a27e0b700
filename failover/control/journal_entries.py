"""Switches as entries of the local journal, and back: JSON values and nothing that lives.

A switch is two entries: the intent, and its end. Attempts at one path under one generation
belong together.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from failover.control.journal import Entry
from failover.control.messages import Order
from failover.domain.situation import Direction, Notice, Switch
from failover.domain.state import Cause, NoticeKind
from failover.executors.base import Applied
from failover.models import FailoverPolicy
from failover.services import JournaledSwitch, PublishedState, Scores

log = logging.getLogger(__name__)

SWITCH, END = "switch", "end"


def switch_entry(order: Order, policy: FailoverPolicy, lease_epoch: int, now: datetime) -> Entry:
    """The intent of ``order``; it must have a switch."""
    if order.switch is None:
        message = "only a switch has an entry in the journal"
        raise ValueError(message)
    return {
        "kind": SWITCH,
        "at": now.timestamp(),
        "policy_uid": str(policy.uid),
        "policy_name": policy.name,
        "lease_epoch": lease_epoch,
        "switch": order.switch._asdict(),
        "notices": [notice._asdict() for notice in order.notices],
        "published": asdict(order.published),
        "scores": asdict(order.scores),
        "evidence": order.evidence,
    }


def end_entry(
    order: Order,
    policy: FailoverPolicy,
    now: datetime,
    *,
    applied: Applied | None = None,
    error: str = "",
) -> Entry:
    """What became of the intent of ``order``: what was applied, or the error."""
    return {
        "kind": END,
        "at": now.timestamp(),
        "policy_uid": str(policy.uid),
        "generation": None if order.switch is None else order.switch.generation,
        "to_key": None if order.switch is None else order.switch.to_key,
        "applied": None if applied is None else asdict(applied),
        "error": error,
    }


@dataclass(slots=True)
class _Attempts:
    """What the journal says of one switch, while it is read."""

    policy_uid: str
    intent: Entry
    open_attempts: int = 1
    ended: Entry | None = None
    errors: list[str] = field(default_factory=list)


def journaled_switches(entries: Iterable[Entry]) -> list[tuple[str, JournaledSwitch]]:
    """Every switch with the uid of its policy, in the order of their first attempts."""
    found: dict[tuple[Any, ...], _Attempts] = {}
    for entry in entries:
        if entry["kind"] == SWITCH:
            switch = entry["switch"]
            key = (entry["policy_uid"], switch["generation"], switch["to_key"])
            known = found.setdefault(key, _Attempts(entry["policy_uid"], entry, 0))
            known.open_attempts += 1
        else:
            key = (entry["policy_uid"], entry["generation"], entry["to_key"])
            if key in found:
                _end(found[key], entry)
    return [(one.policy_uid, journaled) for one in found.values() if (journaled := _sound(one))]


def _sound(attempts: _Attempts) -> JournaledSwitch | None:
    """None, said in the log, for an entry of another release that can't be understood."""
    try:
        return _journaled(attempts)
    except (KeyError, TypeError, ValueError):
        log.exception("an entry of the journal can't be understood: %s", attempts.intent)
        return None


def _end(attempts: _Attempts, entry: Entry) -> None:
    attempts.open_attempts -= 1
    if entry["applied"] is None:
        attempts.errors.append(entry["error"])
    else:
        attempts.ended = entry


def _journaled(attempts: _Attempts) -> JournaledSwitch:
    intent = attempts.intent
    switch = _switch(intent["switch"])
    journaled = JournaledSwitch(
        mark=f"{intent['policy_uid']}/{intent['lease_epoch']}/{switch.generation}/{switch.to_key}",
        switch=switch,
        notices=[_notice(one) for one in intent["notices"]],
        published=_published(intent["published"]),
        scores=Scores(**intent["scores"]),
        evidence=intent["evidence"],
        at=_moment(intent["at"]),
        is_open=attempts.open_attempts > 0,
        errors=attempts.errors,
    )
    if attempts.ended is None:
        return journaled
    return replace(
        journaled,
        applied=Applied(**attempts.ended["applied"]),
        ended_at=_moment(attempts.ended["at"]),
    )


def _switch(values: dict[str, Any]) -> Switch:
    switch = Switch(**values)
    return switch._replace(direction=Direction(switch.direction), cause=Cause(switch.cause))


def _notice(values: dict[str, Any]) -> Notice:
    notice = Notice(**values)
    return notice._replace(kind=NoticeKind(notice.kind))


def _published(values: dict[str, Any]) -> PublishedState:
    since = values["primary_healthy_since"]
    return PublishedState(
        **{
            **values,
            "primary_healthy_since": None if since is None else datetime.fromisoformat(since),
        }
    )


def _moment(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC)
