"""What ``manage.py reconcile`` and the doctor ask: is the network as decided, and if not?

Safe beside a running monitor: it acts under that one's epoch, and an executor carries an
equal order out as often as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from failover import services
from failover.control.decision_thread import journal_of
from failover.control.escape import EscapeHatch
from failover.control.executor_set import ExecutorSet
from failover.control.intents import stored_uplink_states
from failover.control.reconcile import Reconciler
from failover.executors import EXECUTORS
from failover.executors.base import Observed
from failover.models import FailoverPolicy, FailoverState, PolicyMember
from failover.selectors import policies_with_members
from health.models import MonitorLease, Vantage
from health.monitoring.process_identity import current_process


class NotHere(Exception):
    """Another host runs the vantage: its kernel can't be looked at from here."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The network has obeyed an order that the database does not know: it is older."""

    policy: FailoverPolicy
    observed: Observed
    sentence: str


def reconcile_vantage(vantage: Vantage, *, now: datetime, now_ns: int) -> list[tuple[str, str]]:
    """Compare and repair every policy; its name with what was amiss, "" when nothing was."""
    epoch, is_running = _present_epoch(vantage, now)
    executors = ExecutorSet()
    if not is_running:
        # A running monitor brings its journal in by itself.
        hatch = EscapeHatch(journal_of(vantage.name), executors, epoch)
        hatch.import_all(lease_epoch=epoch)
    policies = _policies(vantage)
    services.ensure_states(policies, now=now)
    states = stored_uplink_states(
        member.path for policy in policies for member in policy.members.all()
    )
    for policy in policies:
        services.clear_trouble(policy.pk)  # after three failures somebody wants another try
    reconciler = Reconciler(
        executors, epoch, may_use=lambda kind: True, uplink_states=lambda: states
    )
    found = reconciler.run(policies, now=now, now_ns=now_ns)
    return [(policy.name, found.get(policy.pk, "")) for policy in policies]


def mismatches(vantage: Vantage, *, now: datetime) -> Iterator[Mismatch]:
    """Policies whose orders the executor would refuse as older than what it has obeyed."""
    epoch, _ = _present_epoch(vantage, now)
    executors = ExecutorSet()
    for policy in _policies(vantage):
        kind = EXECUTORS.get(policy.executor)
        state: FailoverState | None = getattr(policy, "state", None)
        if kind is None or not kind.reads_back or state is None:
            continue
        observed = executors.observe(policy.executor, str(policy.uid))
        if observed is None or not _is_ahead(observed, epoch, state):
            continue
        yield Mismatch(
            policy,
            observed,
            f"{policy.name} has obeyed epoch {observed.lease_epoch}, generation "
            f"{observed.generation}; the database knows epoch {epoch}, generation "
            f"{state.generation}.",
        )


def adopt_all(vantage: Vantage, *, actor: str, now: datetime) -> list[str]:
    """Take what is in force for what was decided, where the database is older."""
    told = []
    for mismatch in list(mismatches(vantage, now=now)):
        generation = services.adopt(
            mismatch.policy,
            _of_this_policy(mismatch),
            vantage_id=vantage.pk,
            actor=actor,
            now=now,
        )
        told.append(f"{mismatch.sentence} Adopted as generation {generation}.")
    return told


def _present_epoch(vantage: Vantage, now: datetime) -> tuple[int, bool]:
    """The epoch to act under, and whether a monitor runs; raises ``NotHere``."""
    lease = MonitorLease.objects.filter(vantage=vantage).first()
    if lease is None:
        return 0, False
    is_running = bool(lease.holder) and lease.expires_at > now.timestamp()
    if is_running and lease.host != current_process().host:
        raise NotHere(
            f"The monitor of {vantage.name} runs on {lease.host}: ask there, its routes are "
            "on that host."
        )
    return lease.epoch, is_running


def _policies(vantage: Vantage) -> list[FailoverPolicy]:
    rows = policies_with_members().filter(members__path__uplink__vantage=vantage)
    return list(rows.distinct())


def _is_ahead(observed: Observed, epoch: int, state: FailoverState) -> bool:
    ours = (epoch, state.generation)
    theirs = (observed.lease_epoch, observed.generation)
    # An equal pair is a retry, but only for the same path.
    elsewhere = observed.path_key not in {None, state.active_path_id}
    return ours < theirs or (ours == theirs and elsewhere)


def _of_this_policy(mismatch: Mismatch) -> Observed:
    """What was observed; a path that is no member any more is not adopted."""
    seen, policy = mismatch.observed, mismatch.policy
    if PolicyMember.objects.filter(policy=policy, path=seen.path_key).exists():
        return seen
    state = FailoverState.objects.get(policy=policy)
    return Observed(state.active_path_id, seen.generation, seen.lease_epoch, seen.changes)
