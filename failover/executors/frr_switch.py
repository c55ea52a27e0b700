"""Carries one change of FRR's static routes out: new before old, read back, or taken back.

One vtysh process enters everything and looks at it; knows neither fence nor policies.
"""

from __future__ import annotations

from collections.abc import Sequence

from failover.executors.base import ExecutorError
from failover.executors.changes import RouteChange
from failover.executors.frr_options import FrrOptions
from failover.executors.frr_routes import line
from failover.executors.frr_vtysh import Deadline, View, configure, look


def switch(
    options: FrrOptions,
    view: View,
    wanted: Sequence[RouteChange],
    deadline: Deadline,
    undo_by: Deadline,
) -> int:
    """Make ``wanted`` the only ones of ours at the places of ``view``; returns the lines entered.

    Raises ``ExecutorError`` when FRR does not use them by the ``deadline``; then everything
    is taken back by ``undo_by``.
    """
    new = [route for route in wanted if route not in view.routes]
    old = [route for route in view.routes if route not in wanted]
    lines = [line(route, options.vrf) for route in new]
    lines += [f"no {line(route, options.vrf)}" for route in old]
    asked = tuple(dict.fromkeys([*wanted, *view.asked]))
    silence = ""
    try:
        if lines:
            view = configure(options, lines, asked, deadline)
        while wrong := _wrong(view, wanted, options):
            deadline.pause()
            if deadline.is_over:
                raise ExecutorError(" ".join([*wrong, silence]).strip(), retryable=True)
            try:
                view, silence = look(options, asked, deadline), ""
            except ExecutorError as error:
                silence = str(error)
    except ExecutorError as error:
        note = _take_back(options, new, old, undo_by)
        raise ExecutorError(f"{error} {note}", retryable=error.retryable) from error
    return len(lines)


def _wrong(view: View, wanted: Sequence[RouteChange], options: FrrOptions) -> list[str]:
    """What is not as wanted, as sentences."""
    wrong = [view.reason(route) for route in wanted if not view.in_force(route)]
    left = [line(route, options.vrf) for route in view.routes if route not in wanted]
    return [*wrong, *(f"{text}: still there." for text in left)]


def _take_back(
    options: FrrOptions, new: Sequence[RouteChange], old: Sequence[RouteChange], by: Deadline
) -> str:
    """Old before new, once more in one process; what was never entered FRR ignores."""
    if not (new or old):
        return "Nothing was changed."
    lines = [line(route, options.vrf) for route in old]
    lines += [f"no {line(route, options.vrf)}" for route in new]
    try:
        configure(options, lines, (), by)
    except ExecutorError as error:
        return f"It could not be taken back: {error}"
    return "Everything was taken back."
