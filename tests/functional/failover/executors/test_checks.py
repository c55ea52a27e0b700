"""Before a policy is enabled the host is asked whether its first switch would work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from failover.executors.base import Problem, Proposal, Route, Selectors
from failover.executors.linux import LinuxExecutor
from tests.functional.failover.executors.branch import POLICY, Branch, apply, order, uplink

pytestmark = pytest.mark.root

GOOD = Proposal(POLICY, "Internet", (uplink(1), uplink(2)), (Route(4),), carried_here=True)
CHOSEN = Route(4, table=100, selectors=Selectors(source="10.7.0.0/24"))


def said(executor: LinuxExecutor, proposal: Proposal) -> list[str]:
    return [one.text() for one in executor.check(proposal) if one.blocks]


def warned(executor: LinuxExecutor, proposal: Proposal = GOOD) -> list[Problem]:
    return [one for one in executor.check(proposal) if not one.blocks]


def test_nothing_speaks_against_a_policy_that_can_work(
    branch: Branch, executor: LinuxExecutor
) -> None:
    branch.router.ip("route add default via 10.1.0.1 metric 100 proto dhcp")
    assert executor.check(GOOD) == []
    assert executor.check(replace(GOOD, routes=(CHOSEN,))) == []
    assert branch.routes() == ["default via 10.1.0.1 dev wan1 proto dhcp metric 100"]


def test_a_policy_that_is_in_force_already_is_no_obstacle_to_itself(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, order(1, 1, Route(4), CHOSEN))
    assert LinuxExecutor(tmp_path).check(replace(GOOD, routes=(Route(4), CHOSEN))) == []


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (uplink(2, interface="wan9"), "line 2: interface wan9 does not exist"),
        (uplink(2, gateway="198.51.100.1"), "gateway 198.51.100.1 is in no network of wan2"),
        (uplink(2, gateway="10.1.0.2"), "gateway 10.1.0.2 is an address of this host itself"),
        (uplink(2, gateway=""), "no IPv4 gateway is known on wan2"),
    ],
)
def test_a_member_that_leads_nowhere_is_named(
    branch: Branch, executor: LinuxExecutor, member: object, sentence: str
) -> None:
    [text] = said(executor, replace(GOOD, members=(uplink(1), member)))  # type: ignore[arg-type]
    assert sentence in text


def test_a_metric_that_is_taken_or_beaten_is_refused(
    branch: Branch, executor: LinuxExecutor
) -> None:
    branch.router.ip("route add default via 10.1.0.1 metric 50 proto dhcp")
    [text] = said(executor, GOOD)
    assert "of DHCP stands where the policy's route would" in text
    [text] = said(executor, replace(GOOD, routes=(Route(4, metric=70),)))
    assert "give that one a metric above 70" in text


def test_a_probe_route_that_is_not_verified_is_refused_with_its_reason(
    branch: Branch, executor: LinuxExecutor
) -> None:
    [text] = said(executor, replace(GOOD, unverified={2: "no carrier"}))
    assert text.startswith("line 2: its probe route is not verified (no carrier)")


@pytest.mark.parametrize("prefix", ["default", "::/0", "2000::/3"])
def test_the_default_route_of_ipv6_wants_a_declaration(
    branch: Branch, executor: LinuxExecutor, prefix: str
) -> None:
    proposal = replace(GOOD, routes=(Route(6, prefix),))
    [problem] = executor.check(proposal)
    assert problem.field == "ipv6_default_declared"
    assert "NPTv6" in problem.cure
    assert executor.check(replace(proposal, ipv6_default_declared=True)) == []
    assert executor.check(replace(GOOD, routes=(Route(6, "2001:db8:99::/48"),))) == []


@pytest.mark.parametrize(
    ("route", "sentence"),
    [
        (Route(4, table=255), "table 255 is the system's"),
        (Route(4, table=173_001), "table 173001 is in the range of probe routes"),
        (replace(CHOSEN, table=254), "A route with selectors is in table 254"),
    ],
)
def test_a_table_that_is_not_for_policies_is_refused(
    branch: Branch, executor: LinuxExecutor, route: Route, sentence: str
) -> None:
    assert any(sentence in text for text in said(executor, replace(GOOD, routes=(route,))))


def test_values_that_cannot_be_planned_are_told_alone(
    branch: Branch, executor: LinuxExecutor
) -> None:
    [text] = said(executor, replace(GOOD, routes=(Route(4, "10.0.0.1/8"),)))
    assert "has host bits set" in text


def test_a_table_that_no_rule_leads_to_is_worth_a_warning(
    branch: Branch, executor: LinuxExecutor
) -> None:
    proposal = replace(GOOD, routes=(Route(4, table=100),))
    [problem] = warned(executor, proposal)
    assert "No IPv4 rule leads to table 100" in problem.sentence
    branch.router.ip("rule add from 10.9.0.0/24 lookup 100 priority 20000")
    assert warned(executor, proposal) == []


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("from all fwmark 0x100/0x3f00 lookup 1 priority 2001", "mwan3 comes before"),
        ("from all lookup 52 priority 5270", "Tailscale comes before"),
        ("from all iif wan1 lookup 10001 priority 300", "FRR policy maps comes before"),
        ("not from all fwmark 0xca6c lookup 51820 priority 32764", "wg-quick sends what"),
        ("from 10.0.0.0/8 lookup 7 priority 9000 protocol static", "of a person (static) comes"),
    ],
)
def test_those_who_route_by_policy_as_well_are_listed(
    branch: Branch, executor: LinuxExecutor, rule: str, sentence: str
) -> None:
    branch.router.ip(f"rule add {rule}")
    assert sentence in warned(executor)[0].sentence


def test_a_tunnel_that_redirects_by_two_halves_is_listed(
    branch: Branch, executor: LinuxExecutor
) -> None:
    for half in ("0.0.0.0/1", "128.0.0.0/1"):
        branch.router.ip(f"route add {half} via 10.2.0.1")
    assert ["more specific than a default route" in one.sentence for one in warned(executor)] == [
        True,
        True,
    ]
