"""What the packets of a target carry, as the kernel's packet filter sees them leave."""

from __future__ import annotations

import json

import pytest

from health.domain.measurement import Outcome

pytestmark = pytest.mark.root

SOURCE = {"IPv4": "127.0.0.9", "IPv6": "fd77::99"}
OTHER_SOURCE = {"IPv4": "127.0.0.8", "IPv6": "fd77::1"}
IP = {"IPv4": "ip", "IPv6": "ip6"}


def test_source_interface_mark_and_dscp_travel_with_the_packet(echo, helpers):
    helpers.run("ip", "-6", "addr", "add", "fd77::99/128", "dev", "lo", "nodad")
    target = echo.target(7, source=SOURCE[echo.family], interface="lo", fwmark=66, dscp=46)
    ip = IP[echo.family]
    helpers.run(
        "nft",
        f"""
add table inet t
add counter inet t seen
add chain inet t out {{ type filter hook output priority 0; }}
add rule inet t out {ip} daddr {target.address} {ip} saddr {target.source} {ip} dscp 46 \
meta mark 66 oifname lo counter name seen
""",
    )
    prober = echo.make()
    lane = prober.prepare(target)
    for _ in range(5):
        prober.send(lane, 5_000_000_000)
    replies = helpers.collect(prober, 5)
    assert [reply.outcome for reply in replies] == [Outcome.ANSWERED] * 5
    listed = json.loads(helpers.run("nft", "-j", "list counter inet t seen"))
    assert listed["nftables"][1]["counter"]["packets"] == 5


def test_two_targets_with_options_of_their_own_share_the_socket(echo, helpers):
    helpers.run("ip", "-6", "addr", "add", "fd77::99/128", "dev", "lo", "nodad")
    ip = IP[echo.family]
    rule = f"add rule inet t out {ip} daddr {echo.target(7).address} meta mark"
    helpers.run(
        "nft",
        f"""
add table inet t
add counter inet t one
add counter inet t two
add chain inet t out {{ type filter hook output priority 0; }}
{rule} 1 {ip} saddr {SOURCE[echo.family]} counter name one
{rule} 2 {ip} saddr {OTHER_SOURCE[echo.family]} counter name two
""",
    )
    prober = echo.make()
    one = prober.prepare(echo.target(7, fwmark=1, source=SOURCE[echo.family]))
    two = prober.prepare(echo.target(7, fwmark=2, source=OTHER_SOURCE[echo.family]))
    for _ in range(5):
        prober.send(one, 5_000_000_000)
        prober.send(two, 5_000_000_000)
    assert len(helpers.collect(prober, 10)) == 10
    rows = json.loads(helpers.run("nft", "-j", "list counters"))["nftables"]
    counters = [row["counter"] for row in rows if "counter" in row]
    assert {one["name"]: one["packets"] for one in counters} == {"one": 5, "two": 5}
