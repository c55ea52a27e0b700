"""What people read of a traceroute."""

from __future__ import annotations

from failover.console.ways import ways

OLD = {
    "path": "fibre",
    "target": "203.0.113.9",
    "reached": False,
    "hops": [
        {"distance": 1, "address": "192.0.2.1", "rtt_ms": 0.42},
        {"distance": 2, "address": None, "rtt_ms": None},
        {"distance": 3, "address": "192.0.2.9", "rtt_ms": 12.0},
    ],
    "why": "nobody answered beyond hop 3 of 16",
}
NEW = {
    "path": "lte",
    "target": "203.0.113.9",
    "reached": True,
    "hops": [{"distance": 1, "address": "203.0.113.9", "rtt_ms": 3.21}],
}


def test_each_path_has_a_line_for_each_hop_and_says_where_it_ends() -> None:
    assert dict(ways({"old": OLD, "new": NEW})) == {
        "Way over the old path": (
            "fibre to 203.0.113.9\n1  192.0.2.1  0.4 ms\n2  no answer\n3  192.0.2.9  12.0 ms\n"
            "4+  nobody answered beyond hop 3 of 16"
        ),
        "Way over the new path": "lte to 203.0.113.9\n1  203.0.113.9  3.2 ms",
    }


def test_what_could_not_be_looked_at_says_why() -> None:
    assert dict(ways({"new": {"path": "lte", "why": "the path has no target"}})) == {
        "Way over the new path": "lte\nthe path has no target"
    }
    assert dict(ways({"why": "too late"})) == {"Ways over both paths": "Not looked at: too late."}
