"""Speaks to FRR through vtysh, and what it says seen from one policy's routes.

One process per question or order, never longer than the deadline. Decides nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence

from failover.executors.base import ExecutorError
from failover.executors.changes import RouteChange
from failover.executors.frr_options import FrrOptions
from failover.executors.frr_routes import (
    RibEntry,
    Standing,
    line,
    parse_configuration,
    parse_entries,
    place_of,
    question,
    why_unused,
)
from failover.outbound.child import run_child
from failover.outbound.errors import OutboundError

KEPT_BYTES = 8_000_000
"""Of what vtysh says: the whole static configuration and the RIB of the policy's prefixes."""
_CONFIGURATION = "show running-config no-header"
_END = re.compile(r"^end$", re.MULTILINE)
_POLL_SECS = 0.02
_AT_LEAST_SECS = 0.1


class Deadline:
    """``secs`` from now by ``clock`` (seconds)."""

    def __init__(self, secs: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + secs

    @property
    def left_secs(self) -> float:
        """What is left, never so little that a process could not even start."""
        return max(self._end - self._clock(), _AT_LEAST_SECS)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._clock() >= self._end

    def pause(self) -> None:
        """A moment between two looks."""
        time.sleep(_POLL_SECS)


class View:
    """What FRR had at the places of ``changes`` when it was asked."""

    def __init__(
        self,
        options: FrrOptions,
        changes: Iterable[RouteChange],
        standing: Sequence[Standing],
        entries: Sequence[RibEntry],
    ) -> None:
        self._tag = options.tag
        self._vrf = options.vrf
        self._entries = entries
        self.asked = tuple(changes)
        places = {place_of(change, options.vrf) for change in self.asked}
        at_places = [one for one in standing if one.place in places]
        self.ours = [one for one in at_places if one.route.protocol == options.tag]
        self.others = [one for one in at_places if one.route.protocol != options.tag]

    @property
    def routes(self) -> tuple[RouteChange, ...]:
        """Ours, in force or not."""
        return tuple(one.route for one in self.ours)

    @property
    def used(self) -> tuple[RouteChange, ...]:
        """Those of ours that are in force."""
        return tuple(filter(self.in_force, self.routes))

    def in_force(self, change: RouteChange) -> bool:
        """Whether FRR uses ``change`` alone for its traffic, and has it in the kernel."""
        configured = change in self.routes
        return configured and any(one.carries(change, self._vrf) for one in self._entries)

    def reason(self, change: RouteChange) -> str:
        """Why ``change`` is not in force, as a sentence."""
        if change not in self.routes:
            return f"{line(change, self._vrf)}: FRR has not taken it."
        why = why_unused(change, self._entries, self._vrf)
        return f"{line(change, self._vrf)}: FRR has it and does not use it: {why}."

    def obstacles(self, changes: Iterable[RouteChange]) -> list[str]:
        """What of others is in the way of ``changes``, each with its cure."""
        said = [
            f"FRR has {one.text!r} of another owner with the same prefix and distance. "
            "Give the policy another option distance."
            for one in self.others
        ]
        said += [
            f"FRR prefers a {one.protocol} route with distance {one.distance} for "
            f"{change.prefix}. {_cure(one, change)}"
            for change in changes
            for one in self._entries
            if one.is_at(change, self._vrf) and one.selected and self._outdoes(one, change)
        ]
        return list(dict.fromkeys(said))

    def _outdoes(self, entry: RibEntry, change: RouteChange) -> bool:
        ours = entry.protocol == "static" and entry.tag == self._tag
        return not ours and entry.distance <= change.metric


def _cure(entry: RibEntry, change: RouteChange) -> str:
    if entry.distance > 1:
        return f"Give the policy an option distance below {entry.distance}."
    if entry.protocol == "kernel":
        return (
            "FRR never prefers a static route to one of the kernel's: take the "
            f"{change.prefix} of the DHCP or PPP client out, or use the executor linux."
        )
    return f"Take that route out of FRR, or use the executor linux for {change.prefix}."


def look(options: FrrOptions, changes: Iterable[RouteChange], deadline: Deadline) -> View:
    """Ask FRR; raises ``ExecutorError``."""
    wanted = tuple(changes)
    return _view(options, wanted, vtysh(options, _questions(options, wanted), deadline))


def configure(
    options: FrrOptions, lines: Sequence[str], changes: Iterable[RouteChange], deadline: Deadline
) -> View:
    """Enter ``lines`` and look at ``changes``, in one process; raises ``ExecutorError``.

    vtysh stops at the first line that FRR refuses.
    """
    wanted = tuple(changes)
    commands = ["configure terminal", *lines, "end", *_questions(options, wanted)]
    return _view(options, wanted, vtysh(options, commands, deadline))


def vtysh(options: FrrOptions, commands: Sequence[str], deadline: Deadline) -> str:
    """What FRR answers to ``commands``; raises ``ExecutorError``."""
    words = [*options.vtysh, *(word for one in commands for word in ("-c", one))]
    try:
        done = run_child(
            words, environment={}, timeout_secs=deadline.left_secs, kept_bytes=KEPT_BYTES
        )
    except OutboundError as error:
        raise ExecutorError(str(error), retryable=error.retryable) from error
    if done.status:
        raise ExecutorError(_refusal(done.output), retryable=True)
    return done.output


def _refusal(output: str) -> str:
    said = " ".join(output.split())[-400:] or "no output"
    if "failed to connect" in output:
        return (
            f"vtysh reaches no daemon of FRR ({said}): start FRR, and give the monitor's user the "
            "group frrvty."
        )
    if "is not running" in output:
        return f"FRR lacks a daemon ({said}): see /etc/frr/daemons, and `systemctl restart frr`."
    return f"FRR refused: {said}"


def _questions(options: FrrOptions, changes: Iterable[RouteChange]) -> list[str]:
    asked = (question(change, options.vrf) for change in changes)
    return [_CONFIGURATION, *dict.fromkeys(asked)]


def _view(options: FrrOptions, changes: Sequence[RouteChange], text: str) -> View:
    try:
        configuration, *rest = _END.split(text, maxsplit=1)
        entries = parse_entries(rest[0] if rest else "")
        return View(options, changes, list(parse_configuration(configuration)), entries)
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ExecutorError(
            f"FRR's answer can't be read ({error}): report it with the output of "
            f"`vtysh -c '{_CONFIGURATION}'` and the version of FRR.",
            retryable=True,
        ) from error
