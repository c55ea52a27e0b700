"""A process that begins to carry an order out and is killed at a named point.

Run as ``python -m tests.functional.failover.executors.mortal POINT FOLDER PREFIXES``: moves
the policy to line 2 by generation 2. ``hold`` takes the policy's turn and freezes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from failover.executors import linux
from failover.executors.base import Route
from failover.executors.fence_file import FileFence
from failover.executors.linux_kernel import LinuxRouting
from tests.functional.failover.executors.branch import POLICY, apply, order

DONE_BEFORE_DEATH = 4


def die(*_args: object, **_kwargs: object) -> None:
    """What kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def prefixes(count: int) -> tuple[Route, ...]:
    """That many prefixes, or the default route for none."""
    return tuple(Route(4, f"100.64.{n}.0/24") for n in range(count)) or (Route(4),)


def main(point: str, folder: Path, count: int) -> None:
    """Carry the order out as far as ``point``."""
    if point == "hold":
        with FileFence(folder).turn(POLICY):
            sys.stdout.write("holding\n")
            sys.stdout.flush()
            time.sleep(60)
    if point == "before the fence is written":
        FileFence._store = die  # type: ignore[method-assign]
    elif point == "while the fence is written":
        Path.replace = die  # type: ignore[method-assign, assignment]
    elif point == "after the fence, before the route":
        LinuxRouting.replace_route = die  # type: ignore[method-assign]
    elif point == "amid the routes":
        _die_after_some_routes()
    elif point == "after the route, before the connections":
        linux.forget_connections = die  # type: ignore[assignment]
    apply(folder, order(2, 2, *prefixes(count), came_from=1))


def _die_after_some_routes() -> None:
    put, done = LinuxRouting.replace_route, []

    def replace_route(self: LinuxRouting, route: object) -> None:
        put(self, route)  # type: ignore[arg-type]
        done.append(route)
        if len(done) == DONE_BEFORE_DEATH:
            die()

    LinuxRouting.replace_route = replace_route  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    sys.exit("it should have been killed")
