"""One change of the kernel's routing, as a whole or not at all.

Routes first, then the rules that lead to them, then what is no longer wanted; new before
old, so that no packet finds nothing. Every step leaves its opposite behind, and a refusal
or a read-back that differs takes all of them back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from failover.executors.base import Change, ExecutorError
from failover.executors.changes import RouteChange, RuleChange
from failover.executors.linux_errors import refusal
from failover.executors.linux_kernel import LinuxRouting
from failover.executors.linux_view import Place, View, place_of

Undo = tuple[str, Callable[[], None]]


class Switch:
    """Makes the kernel what ``wanted`` says; ``stale`` is what of ours shall go."""

    def __init__(
        self, routing: LinuxRouting, view: View, wanted: tuple[Change, ...], stale: Iterable[Change]
    ) -> None:
        self._routing = routing
        self._view = view
        self._wanted = wanted
        kept = {_what(one) for one in wanted}
        self._stale = [one for one in stale if _what(one) not in kept]
        self._undo: list[Undo] = []
        self._current: Change | None = None

    def carry_out(self) -> int:
        """Do it and read it back; returns how many changes that took.

        Raises ``ExecutorError`` after everything has been taken back.
        """
        try:
            self._put()
            self._drop()
            self._verify()
        except OSError as error:
            raise self._taken_back(refusal(error, self._current)) from error
        except ExecutorError as error:
            raise self._taken_back(error) from error
        return len(self._undo)

    # --- doing --------------------------------------------------------------------------
    def _put(self) -> None:
        for change in self._wanted:
            if isinstance(change, RouteChange):
                self._put_route(change)
        for change in self._wanted:
            if isinstance(change, RuleChange) and not self._view.has_rule(change):
                self._current = change
                self._routing.add_rule(change)
                self._remember(change, partial(self._routing.delete_rule, change))

    def _put_route(self, route: RouteChange) -> None:
        self._current = route
        standing = self._view.ours_at(place_of(route))
        if not standing:
            self._routing.add_route(route)
            self._remember(route, partial(self._routing.delete_route, route))
            return
        before = standing[0].route
        if before == route and standing[0].plain and len(standing) == 1:
            return
        self._routing.replace_route(route)
        self._remember(before, partial(self._routing.replace_route, before))

    def _drop(self) -> None:
        """Rules first: then nothing leads to the routes any more."""
        for change in self._stale:
            if isinstance(change, RuleChange):
                self._current = change
                self._routing.delete_rule(change)
                self._remember(change, partial(self._routing.add_rule, change))
        for change in self._stale:
            if isinstance(change, RouteChange):
                self._current = change
                self._routing.delete_route(change)
                self._remember(change, partial(self._routing.add_route, change))

    def _remember(self, change: Change, undo: Callable[[], None]) -> None:
        self._undo.append((change.text(), undo))

    # --- reading back --------------------------------------------------------------------
    def _verify(self) -> None:
        self._current = None
        self._routing.links()  # one may have gone and come back with another index
        view = View(self._routing, (*self._wanted, *self._stale))
        wrong = view.differences(self._wanted)
        wrong += [f"still there: {one.text()}" for one in view.found(self._stale)]
        if wrong:
            raise ExecutorError(
                f"Read back, the kernel's routing is not as ordered: {'; '.join(wrong)}. "
                "Find out who changes it with `ip monitor route rule`.",
                retryable=True,
            )

    # --- taking back ---------------------------------------------------------------------
    def _taken_back(self, error: ExecutorError) -> ExecutorError:
        if not self._undo:
            return ExecutorError(f"{error} Nothing was changed.", retryable=error.retryable)
        left = []
        for text, undo in reversed(self._undo):
            try:
                undo()
            except OSError as refused:
                left.append(f"{text} ({refused.strerror or refused})")
        note = (
            f"It could not be taken back as a whole: {'; '.join(left)}."
            if left
            else "Everything was taken back."
        )
        return ExecutorError(f"{error} {note}", retryable=error.retryable)


def _what(change: Change) -> Place | RuleChange:
    """What is replaced by another of the same: a route's place, a rule as a whole."""
    return change if isinstance(change, RuleChange) else place_of(change)
