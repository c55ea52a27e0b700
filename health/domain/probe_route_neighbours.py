"""What else routes by policy on this host, and what that means for probe routes. Pure.

Found out from rules alone; the programs are told by the numbers they are known for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from health.domain.probe_route import PRIORITIES, PRIORITY_MARK
from health.domain.probe_route_changes import is_our_rule
from health.domain.probe_route_facts import Rule


class Severity(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class UplinkFinding(NamedTuple):
    """One finding; ``uplink`` is its name, or "" where it is about the whole host."""

    uplink: str
    severity: Severity
    sentence: str
    cure: str = ""


class _Neighbour(NamedTuple):
    name: str
    first: int
    last: int
    what: str
    cure: str


_NEIGHBOURS = (
    _Neighbour(
        "FRR policy maps", 300, 999, "take over what their selectors match",
        "exclude packets with mark 0xad000000/0xff000000 from the maps, "
        "or set the probe route to 'external'",
    ),
    _Neighbour(
        "VRF (l3mdev)", 1000, 1000, "routes what enters or leaves a VRF by its own table",
        "set the probe route of uplinks inside a VRF to 'external'",
    ),
    _Neighbour(
        "mwan3", 1001, 3999, "marks packets of this host again on their way out",
        "let mwan3 keep its hands off packets with mark 0xad000000/0xff000000, "
        "or set the probe route to 'external' and let mwan3 route the probes",
    ),
    _Neighbour(
        "Tailscale", 5200, 5299, "adds rules and routes of its own after ours",
        "nothing, unless an uplink has a mark that Tailscale uses (0x80000/0xff0000)",
    ),
)  # fmt: skip
_WG_QUICK_TABLES = range(51820, 51840)


def examine_rules(
    rules: Iterable[Rule], own_tables: Collection[int], own_marks: Collection[int]
) -> list[UplinkFinding]:
    """Findings about rules that are not ours, and about ours that nobody wants any more."""
    findings: dict[str, UplinkFinding] = {}
    for rule in rules:
        for finding in _judge(rule, own_tables, own_marks):
            findings.setdefault(finding.sentence, finding)
    return list(findings.values())


def _judge(
    rule: Rule, own_tables: Collection[int], own_marks: Collection[int]
) -> Iterable[UplinkFinding]:
    if is_our_rule(rule):
        if rule.table not in own_tables and rule.table != 254:
            yield _left_behind(rule)
        return
    if rule.table in own_tables and rule.priority not in PRIORITIES:
        yield UplinkFinding(
            "",
            Severity.WARNING,
            f"Rule {rule.priority} of somebody else leads into table {rule.table}, "
            "which is a probe route.",
            f"`ip -{rule.family} rule del priority {rule.priority}`, or give the uplink "
            "another table",
        )
    if 0 < rule.priority < PRIORITY_MARK:
        yield UplinkFinding(
            "",
            Severity.WARNING,
            f"Rule {rule.priority} (IPv{rule.family}, table {rule.table}) comes before "
            "Pathwarden's and may take probes to another uplink.",
            f"give it a priority above {max(PRIORITIES)}, or exclude "
            "mark 0xad000000/0xff000000 from it",
        )
    if rule.fwmark and any(mark & rule.fwmask == rule.fwmark for mark in own_marks):
        yield UplinkFinding(
            "",
            Severity.WARNING,
            f"Rule {rule.priority} of somebody else selects firewall mark {rule.fwmark:#x}, "
            "which probes carry.",
            "configure another fwmark for the uplink",
        )
    for one in _NEIGHBOURS:
        if one.first <= rule.priority <= one.last:
            yield UplinkFinding(
                "", Severity.WARNING, f"{one.name} seems to route here: it {one.what}.", one.cure
            )
    if rule.table in _WG_QUICK_TABLES:
        yield UplinkFinding(
            "",
            Severity.WARNING,
            f"wg-quick sends everything unmarked into its tunnel (table {rule.table}); probes "
            "with a probe route keep to their uplinks.",
            "give uplinks with probe route 'none' one that is 'managed', or their probes measure "
            "the tunnel",
        )


def _left_behind(rule: Rule) -> UplinkFinding:
    return UplinkFinding(
        "",
        Severity.WARNING,
        f"Table {rule.table} is the probe route of no uplink configured here: left over, or of "
        "another probe host in the same network namespace.",
        f"if left over: `ip -{rule.family} rule del lookup {rule.table} protocol 173` until it "
        f"finds none, then `ip -{rule.family} route flush table {rule.table} proto 173`",
    )
