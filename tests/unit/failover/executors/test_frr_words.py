"""Static routes in FRR's words: what is entered, what is read, which options are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failover.executors.base import Connections, ExecutorError, Plan, Route, Selectors
from failover.executors.changes import RouteChange
from failover.executors.frr import FrrExecutor
from failover.executors.frr_options import FrrOptions, KeptOptions, read_options
from failover.executors.frr_routes import line, parse_configuration, parse_entries, question
from failover.outbound.errors import OutboundError
from tests.unit.failover.executors.contract import CABLE, TO_CABLE

CONFIGURATION = """\
frr version 8.4.4
hostname branch
!
ip route 0.0.0.0/0 192.0.2.1 wan1 tag 173 50
ip route 10.97.0.0/16 wan1 tag 5
ip route 10.98.0.0/16 blackhole
ip route 10.99.0.0/16 10.1.0.1 label 16 table 77 onlink
ipv6 route ::/0 2001:DB8:1::1 wan1 tag 173 50
!
vrf red
 ip route 0.0.0.0/0 10.3.0.1 wan3 tag 173 50
exit-vrf
!
ip route 10.96.0.0/16 10.1.0.1
!
end
"""


def plan(tmp_path: Path, **changes: Any) -> Plan:
    return FrrExecutor(tmp_path).plan(replace(TO_CABLE, **changes))


def test_a_plan_shows_the_lines_and_how_they_are_undone(tmp_path: Path) -> None:
    shown = plan(tmp_path, connections=Connections.OLD_PATH, options={"distance": 20, "tag": 9})
    assert shown.text().splitlines() == [
        "ip route 0.0.0.0/0 198.51.100.1 wan2 tag 9 20",
        "ipv6 route 2001:db8:99::/48 2001:db8:2::1 wan2 tag 9 20 table 100",
        "then: no ip route 0.0.0.0/0 192.0.2.1 wan1 tag 9 20",
        "then: no ipv6 route 2001:db8:99::/48 2001:db8:1::1 wan1 tag 9 20 table 100",
        "then: forget connections whose answers come to 192.0.2.10, 2001:db8:1::a",
        "undo: ip route 0.0.0.0/0 192.0.2.1 wan1 tag 9 20",
        "undo: ipv6 route 2001:db8:99::/48 2001:db8:1::1 wan1 tag 9 20 table 100",
        "undo: no ip route 0.0.0.0/0 198.51.100.1 wan2 tag 9 20",
        "undo: no ipv6 route 2001:db8:99::/48 2001:db8:2::1 wan2 tag 9 20 table 100",
    ]


def test_routes_that_differ_in_metric_alone_are_one(tmp_path: Path) -> None:
    two = (Route(4, metric=10), Route(4, metric=20))
    assert len(plan(tmp_path, routes=two).changes) == 1


def test_a_vrf_is_named_in_every_line(tmp_path: Path) -> None:
    shown = plan(tmp_path, routes=(Route(4),), options={"vrf": "red"}, from_uplink=None)
    assert shown.text().splitlines() == [
        "ip route 0.0.0.0/0 198.51.100.1 wan2 tag 173 1 vrf red",
        "undo: no ip route 0.0.0.0/0 198.51.100.1 wan2 tag 173 1 vrf red",
    ]


def test_a_gateway_off_the_link_is_called_onlink(tmp_path: Path) -> None:
    far = replace(CABLE, onlink=True)
    shown = plan(tmp_path, routes=(Route(4),), to_uplink=far, from_uplink=None)
    assert shown.text().splitlines()[0].endswith("wan2 tag 173 1 onlink")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"routes": (Route(4, selectors=Selectors(source="10.0.0.0/8")),)}, "executor linux"),
        ({"options": {"vrf": "red"}, "routes": (Route(4, table=7),)}, "table of its own"),
        ({"options": {"vtysh": "vtysh"}}, "vtysh is 'vtysh'; it must be a list of words"),
        ({"options": {"vtysh": ["vtysh"]}}, "full path"),
        ({"options": {"vtysh": []}}, "a list of words"),
        ({"options": {"vrf": "red\nend"}}, "the name of a VRF"),
        ({"options": {"distance": 0}}, "from 1 to 255"),
        ({"options": {"distance": True}}, "from 1 to 255"),
        ({"options": {"tag": 1 << 32}}, "from 1 to 4294967295"),
        ({"options": {"metric": 5}}, "metric is not known"),
    ],
)
def test_what_cannot_work_is_named_before_frr_is_asked(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ExecutorError) as error:
        plan(tmp_path, **change)
    assert words in str(error.value)
    assert not error.value.retryable


def test_the_default_vrf_needs_no_name() -> None:
    assert read_options({"vrf": "default"}) == read_options({}) == FrrOptions()


def test_options_are_an_outbound_matter() -> None:
    with pytest.raises(OutboundError, match="must be names with values"):
        read_options("vrf red")  # type: ignore[arg-type] # what people may write


def test_the_configuration_is_read_with_tags_distances_tables_and_vrfs() -> None:
    rows = [
        (one.vrf, one.route.prefix, one.route.gateway, one.route.interface,
         one.route.protocol, one.route.metric, one.route.table, one.route.onlink)
        for one in parse_configuration(CONFIGURATION)
    ]  # fmt: skip
    assert rows == [
        ("", "default", "192.0.2.1", "wan1", 173, 50, 254, False),
        ("", "10.97.0.0/16", "", "wan1", 5, 1, 254, False),
        ("", "10.98.0.0/16", "", "blackhole", 0, 1, 254, False),
        ("", "10.99.0.0/16", "10.1.0.1", "", 0, 1, 77, True),
        ("", "default", "2001:db8:1::1", "wan1", 173, 50, 254, False),
        ("red", "default", "10.3.0.1", "wan3", 173, 50, 254, False),
        ("", "10.96.0.0/16", "10.1.0.1", "", 0, 1, 254, False),
    ]


@pytest.mark.parametrize("vrf", ["", "red"])
@pytest.mark.parametrize(
    "route",
    [
        RouteChange("replace", 4, "default", 254, 50, "wan1", "192.0.2.1"),
        RouteChange("replace", 6, "2001:db8::/32", 254, 1, "wan1", "fe80::1", onlink=True),
        RouteChange("replace", 4, "10.0.0.0/8", 254, 255, "ppp0"),
    ],
)
def test_what_is_entered_is_read_as_the_same_route(route: RouteChange, vrf: str) -> None:
    assert [one.route for one in parse_configuration(line(route, ""))] == [route]
    inside = f"vrf red\n {line(route, '')}\nexit-vrf" if vrf else line(route, "")
    [standing] = parse_configuration(inside)
    assert (standing.vrf, standing.route) == (vrf, route)


def entry(**changes: Any) -> dict[str, Any]:
    hop = {"fib": True, "ip": "192.0.2.1", "interfaceName": "wan1", "active": True}
    return {
        "prefix": "0.0.0.0/0", "protocol": "static", "vrfName": "default", "selected": True,
        "installed": True, "distance": 50, "tag": 173, "table": 254, "nexthops": [hop], **changes,
    }  # fmt: skip


OURS = RouteChange("replace", 4, "default", 254, 50, "wan1", "192.0.2.1")
SECOND_HOP = {"fib": True, "ip": "198.51.100.1", "interfaceName": "wan2"}


@pytest.mark.parametrize(
    "change",
    [
        {"selected": False},
        {"installed": False},
        {"tag": 5},
        {"distance": 1},
        {"protocol": "kernel"},
        {"vrfName": "red"},
        {"table": 77},
        {"nexthops": [SECOND_HOP]},
        {"nexthops": [*entry()["nexthops"], SECOND_HOP]},
        {"nexthops": [{**entry()["nexthops"][0], "fib": False}]},
    ],
)
def test_a_route_is_in_force_only_when_frr_uses_it_and_it_alone(change: dict[str, Any]) -> None:
    [used] = parse_entries(json.dumps({"0.0.0.0/0": [entry()]}))
    assert used.carries(OURS, "")
    [other] = parse_entries(json.dumps({"0.0.0.0/0": [entry(**change)]}))
    assert not other.carries(OURS, "")


def test_answers_to_several_questions_are_read_one_after_another() -> None:
    text = "\n".join(["{}", json.dumps({"0.0.0.0/0": [entry(), entry(tag=1)]}), "% VRF x", "{}"])
    assert [one.tag for one in parse_entries(text)] == [173, 1]


def test_a_prefix_is_asked_for_where_it_stands() -> None:
    assert question(OURS, "") == "show ip route 0.0.0.0/0 json"
    assert question(OURS, "red") == "show ip route vrf red 0.0.0.0/0 json"
    assert question(replace(OURS, table=7), "") == "show ip route table 7 json"


def test_options_outlive_the_process_and_end_with_the_policy(tmp_path: Path) -> None:
    former, present = FrrOptions(distance=5), FrrOptions(vrf="red")
    KeptOptions(tmp_path).keep("a/policy", (present, former))
    assert KeptOptions(tmp_path).read("a/policy") == (present, former)
    KeptOptions(tmp_path).forget("a/policy")
    assert KeptOptions(tmp_path).read("a/policy") == ()


def test_options_that_cannot_be_read_stop_everything(tmp_path: Path) -> None:
    kept = KeptOptions(tmp_path)
    kept.keep("uid", (FrrOptions(),))
    next(tmp_path.glob("*.frr")).write_text("[{]")
    with pytest.raises(ExecutorError, match="can't be read"):
        kept.read("uid")
