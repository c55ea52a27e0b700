"""A traceroute in the evidence of a switch, as people read it: one line for each hop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SIDES = {"old": "Way over the old path", "new": "Way over the new path"}


def ways(traceroute: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and lines of each path; of both, why there are none."""
    if "why" in traceroute:
        yield "Ways over both paths", f"Not looked at: {traceroute['why']}."
    for side, name in SIDES.items():
        if side in traceroute:
            yield name, "\n".join(_lines(traceroute[side]))


def _lines(way: dict[str, Any]) -> Iterator[str]:
    yield f"{way['path']} to {way['target']}" if "target" in way else str(way["path"])
    last = 0
    for hop in way.get("hops", ()):
        yield _line(hop)
        last = hop["distance"]
    if way.get("reached"):
        return
    yield f"{last + 1}+  {way['why']}" if last else str(way["why"])


def _line(hop: dict[str, Any]) -> str:
    if hop["address"] is None:
        return f"{hop['distance']}  no answer"
    return f"{hop['distance']}  {hop['address']}  {hop['rtt_ms']:.1f} ms"
