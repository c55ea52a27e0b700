"""What must hold after any number of kills: judged from the database and the kernel alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bench.faults.store import Store

CLOSING = frozenset({"completed", "superseded"})


def problems(store: Store, routes: dict[str, int], changes: list[dict[str, Any]]) -> list[str]:
    """Everything that is wrong once nothing is under way; empty when all is well.

    ``routes`` has the path of each policy in the kernel, ``changes`` every change that was
    made there (empty when the kernel keeps no log).
    """
    found = [] if store.undone() == 0 else [f"{store.undone()} effects are still owed"]
    events = store.events()
    for uid, wish in store.wishes().items():
        about = events.get(uid, [])
        found += [f"{uid}: {said}" for said in of_events(about, wish.generation)]
        if routes.get(uid) != wish.path:
            found.append(f"{uid}: the route is over {routes.get(uid)}, the state says {wish.path}")
        found += [f"{uid}: {said}" for said in _of_changes(about, changes, uid)]
    return found


def of_events(about: list[tuple[int, str, int]], generation: int) -> list[str]:
    """No event lost, none doubled: one beginning and one end for every generation."""
    begun = Counter(number for number, kind, _ in about if kind == "triggered")
    ended = Counter(number for number, kind, _ in about if kind in CLOSING)
    said = []
    for number in range(1, generation + 1):
        if begun[number] != 1:
            said.append(f"generation {number} began {begun[number]} times")
        if ended[number] != 1:
            said.append(f"generation {number} ended {ended[number]} times")
    stray = sorted(number for number in begun.keys() | ended.keys() if number > generation)
    return [*said, *(f"generation {number} is beyond the state" for number in stray)]


def _of_changes(
    about: list[tuple[int, str, int]], changes: list[dict[str, Any]], uid: str
) -> list[str]:
    """The kernel only ever went forward, each time to the path that was decided."""
    decided = {number: path for number, kind, path in about if kind == "triggered"}
    newest, said = 0, []
    for change in changes:
        if change["policy"] != uid:
            continue
        number = change["generation"]
        if number < newest:
            said.append(f"generation {number} was carried out after {newest}")
        newest = max(newest, number)
        if number and decided.get(number) != change["path"]:
            said.append(f"generation {number} went to {change['path']}, not as decided")
    return said
