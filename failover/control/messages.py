"""What the loop and the thread beside it say to each other. Plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from failover.control.orders import TakenOrder
from failover.control.present import Present
from failover.domain.policy import PolicySpec
from failover.domain.situation import Notice, Switch
from failover.services import PublishedState, Scores


@dataclass(frozen=True, slots=True)
class StoredState:
    """A policy's state as stored: its generation, active path, and the domain record."""

    generation: int
    active: int | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the controller must know; replaces all it knew of the configuration."""

    policies: dict[int, PolicySpec]
    states: dict[int, StoredState]
    in_maintenance: frozenset[int]
    disabled_paths: frozenset[int]


@dataclass(frozen=True, slots=True)
class Order:
    """A decision to make durable: a switch, notices, or both."""

    policy_id: int
    published: PublishedState
    switch: Switch | None
    notices: Sequence[Notice]
    scores: Scores
    evidence: dict[str, Any] = field(default_factory=dict)
    by_order: TakenOrder | None = None
    """The person's order that this carries out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order; ``committed`` False means that it never happened.

    ``journaled`` says that it is committed to this host's journal and in force, while the
    database is away.
    """

    policy_id: int
    committed: bool
    journaled: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A person's order that the rules do not allow, and the sentence why."""

    order: TakenOrder
    why: str


Reply = Loaded | Outcome | TakenOrder | Present
Job = Order | Refusal | list[PublishedState] | None
