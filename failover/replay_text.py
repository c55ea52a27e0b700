"""A replay's report in words and as JSON values: one shape for the command and the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from failover.replays import Course, Report

PRECISION = (
    "Times are right to within a slot of 10 s. What an operator ordered and what a switch itself "
    "costs are left out; the lines that carried the traffic are measured as they were."
)


def as_values(report: Report) -> dict[str, Any]:
    """JSON values; seconds are whole seconds, moments ISO 8601 in UTC."""
    return {
        "policy_id": report.policy.policy_id,
        "since": _moment(report.since),
        "until": _moment(report.until),
        "changes": dict(report.changes),
        "happened": _values_of(report, report.happened),
        "replayed": _values_of(report, report.replayed),
        "bad_secs_saved": report.bad_secs_saved,
        "precision": PRECISION,
    }


def as_text(report: Report) -> str:
    """A table for a terminal, then the switches of the replay."""
    tried = ", ".join(f"{field} = {value}" for field, value in report.changes.items())
    rows = [("", "as it was", "replayed"), *_rows(report)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{report.policy.name}, {_moment(report.since)} to {_moment(report.until)}",
        f"with {tried}" if tried else "with its present settings",
        "",
        *(
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}".rstrip()
            for row in rows
        ),
        "",
        *(
            f"{_moment(switch.at)}  {switch.direction}: {switch.from_name} → {switch.to_name}. "
            f"{switch.reason}"
            for switch in report.replayed.switches
        ),
        PRECISION,
    ]
    return "\n".join(lines)


def _rows(report: Report) -> list[tuple[str, str, str]]:
    was, would = report.happened, report.replayed

    def row(name: str, of_one: Any) -> tuple[str, str, str]:
        return name, str(of_one(was)), str(of_one(would))

    return [
        row("switches", lambda course: len(course.switches)),
        row("seconds on a bad path", lambda course: course.exposure.bad_secs),
        row("of these dead", lambda course: course.exposure.dead_secs),
        row("not measured", lambda course: course.exposure.unmeasured_secs),
        *(
            row(f"on {member.name}", lambda course, key=member.path_key: _secs_on(course, key))
            for member in report.policy.members
        ),
        row("metered MB, at most", lambda course: _megabytes(course.metered_bytes)),
    ]


def _values_of(report: Report, course: Course) -> dict[str, Any]:
    return {
        "switches": [
            {
                "timestamp": _moment(switch.at),
                "from_path": switch.from_name,
                "to_path": switch.to_name,
                "direction": switch.direction,
                "reason": switch.reason,
            }
            for switch in course.switches
        ],
        "bad_secs": course.exposure.bad_secs,
        "dead_secs": course.exposure.dead_secs,
        "unmeasured_secs": course.exposure.unmeasured_secs,
        "secs_on": [
            {
                "path_id": member.path_key,
                "name": member.name,
                "secs": _secs_on(course, member.path_key),
            }
            for member in report.policy.members
        ],
        "metered_bytes": course.metered_bytes,
    }


def _secs_on(course: Course, key: int) -> int:
    return course.exposure.secs_on.get(key, 0)


def _moment(secs: int) -> str:
    return datetime.fromtimestamp(secs, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _megabytes(count: int | None) -> str:
    return "—" if count is None else f"{count / 1e6:.1f}"
