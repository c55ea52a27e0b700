"""tcp, dns and http where interfaces fail, privileges are missing and firewalls say no.

Each test has a network namespace of its own, which vanishes with its processes.
"""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.root

PRELUDE = """
import json, subprocess, time
from health.probers import PROBERS
from health.probers.base import SendError, WireTarget
from tests.functional.probers.servers import *

def ip(*words):
    subprocess.run(["ip", *words], check=True)

def nft(text):
    return subprocess.run(["nft", *text.split()], check=True, capture_output=True, text=True).stdout

def end(prober, target, patience=0.3):
    try:
        lane = prober.prepare(target)
        prober.send(lane, 2 * SECOND)
    except SendError as error:
        return [str(error.outcome), str(error)]
    for reply in collect(prober, 1, patience):
        return [str(reply.outcome), reply.detail]
    return ["sent", ""]

KINDS = {kind: PROBERS[kind].make() for kind in ("tcp", "dns", "http")}
"""

SETUP = "nft add table inet t; nft add chain inet t out '{ type filter hook output priority 0; }';"


@pytest.mark.parametrize(
    ("host", "source", "proto"), [("127.0.0.1", "127.0.0.9", "ip"), ("::1", "fd00::9", "ip6")]
)
def test_every_packet_carries_the_options_of_its_path(namespace, host, source, proto):
    rule = f"meta mark 77 {proto} dscp ef {proto} saddr {source} oifname lo counter name"
    setup = f"""{SETUP}
ip addr add fd00::9/128 dev lo
nft add counter inet t tcp_; nft add counter inet t udp_
nft add rule inet t out tcp flags syn tcp dport 99 {rule} tcp_
nft add rule inet t out udp dport 99 {rule} udp_
"""
    script = f"""{PRELUDE}
target = WireTarget("{host}", 99, "{source}", "lo", 0, 77, 46)
ends = {{kind: end(prober, target)[0] for kind, prober in KINDS.items()}}
counted = json.loads(nft("-j list counters"))["nftables"]
rows = [row["counter"] for row in counted if "counter" in row]
packets = {{row["name"]: row["packets"] for row in rows}}
print(json.dumps([ends, packets]))
"""
    ends, packets = namespace(setup, script)
    assert set(ends.values()) == {"refused"}
    assert packets == {"tcp_": 2, "udp_": 1}


def test_without_privileges_the_interface_still_binds_and_a_mark_is_denied(namespace):
    script = f"""{PRELUDE}
print(json.dumps([[end(prober, target) for prober in KINDS.values()] for target in (
    WireTarget("127.0.0.1", 99, interface="lo"), WireTarget("127.0.0.1", 99, fwmark=7))]))
"""
    bound, marked = namespace(":", script, without_raw=True)
    assert [outcome for outcome, _ in bound] == ["refused"] * 3
    assert [outcome for outcome, _ in marked] == ["denied"] * 3
    assert all("mark (7)" in detail for _, detail in marked)


def test_a_missing_route_is_no_loss(namespace):
    script = f"""{PRELUDE}
print(json.dumps([end(prober, WireTarget("192.0.2.1", 99)) for prober in KINDS.values()]))
"""
    ends = namespace(":", script)
    assert [outcome for outcome, _ in ends] == ["misconfigured"] * 3
    assert all("no route to 192.0.2.1" in detail for _, detail in ends)


def test_a_router_s_refusal_is_a_loss_with_its_words(namespace):
    setup = """
nft add table ip t; nft add chain ip t in '{ type filter hook input priority 0; }'
nft add rule ip t in tcp dport 99 reject with icmp type admin-prohibited
nft add rule ip t in udp dport 99 reject with icmp type host-unreachable
"""
    script = f"""{PRELUDE}
print(json.dumps([end(prober, WireTarget("127.0.0.1", 99)) for prober in KINDS.values()]))
"""
    tcp, dns, http = namespace(setup, script)
    assert tcp[0] == dns[0] == http[0] == "refused"
    assert tcp[1] == http[1] == "Packet filtered from 127.0.0.1"
    assert dns[1] == "Destination host unreachable from 127.0.0.1"


def test_a_query_that_the_own_firewall_drops_is_denied_and_not_lost(namespace):
    setup = f"{SETUP} nft add rule inet t out udp dport 99 drop"
    script = f'{PRELUDE}\nprint(json.dumps(end(KINDS["dns"], WireTarget("127.0.0.1", 99))))'
    outcome, detail = namespace(setup, script)
    assert outcome == "denied"
    assert "a firewall rule" in detail


RENEWED = f"""{PRELUDE}
def make():
    ip("link", "add", "wan9", "type", "veth", "peer", "name", "far9")
    ip("addr", "add", "10.77.0.9/24", "dev", "wan9")
    ip("link", "set", "far9", "up")

make()
target = WireTarget("10.77.0.1", 99, interface="wan9")
ip("link", "set", "wan9", "up")
lanes = {{kind: prober.prepare(target) for kind, prober in KINDS.items()}}
ip("link", "set", "wan9", "down")

def ends():
    found = {{}}
    for kind, prober in KINDS.items():
        try:
            prober.send(lanes[kind], SECOND)
        except SendError as error:
            found[kind] = str(error.outcome)
        else:
            found[kind] = "sent"
    return found

steps = [ends()]
ip("link", "set", "wan9", "up")
steps.append(ends())
ip("link", "delete", "wan9")
steps.append(ends())
make()
ip("link", "set", "wan9", "up")
steps.append(ends())
print(json.dumps(steps))
"""


def test_an_interface_that_goes_and_comes_back_is_used_again_by_the_same_lane(namespace):
    down, up, gone, anew = namespace(":", RENEWED)
    assert set(down.values()) == {"link_down"}
    assert set(up.values()) == {"sent"}
    assert set(gone.values()) == {"link_down"}
    assert set(anew.values()) == {"sent"}


def test_no_free_source_port_is_an_own_fault_and_passes(namespace):
    setup = f"""{SETUP}
nft add chain inet t in '{{ type filter hook input priority 0; }}'
nft add rule inet t in tcp dport 99 drop
echo "61000 61001" > /proc/sys/net/ipv4/ip_local_port_range
"""
    script = f"""{PRELUDE}
tcp, target = KINDS["tcp"], WireTarget("127.0.0.1", 99)
ends = [end(tcp, target, 0.05) for _ in range(3)]
tcp.forget(0)
ends.append(end(tcp, target, 0.05))
ends.append(end(tcp, WireTarget("127.0.0.1", 98), 0.05))
print(json.dumps(ends))
"""
    *sent, full, free, elsewhere = namespace(setup, script)
    assert sent == [["sent", ""]] * 2
    assert full[0] == "congested"
    assert full[1].startswith("no free source port towards 127.0.0.1 port 99")
    assert free == ["sent", ""]
    assert elsewhere[0] == "refused"


def test_an_ipv6_target_without_any_source_address_is_a_fault_of_configuration(namespace):
    setup = "ip addr del ::1/128 dev lo; ip -6 route add fd00::1/128 dev lo"
    script = f"""{PRELUDE}
print(json.dumps(end(KINDS["tcp"], WireTarget("fd00::1", 99))))
"""
    outcome, _detail = namespace(setup, script)
    assert outcome == "misconfigured"


def test_a_connection_that_meets_itself_is_no_answer(namespace):
    setup = 'echo "61000 61000" > /proc/sys/net/ipv4/ip_local_port_range'
    script = f"""{PRELUDE}
print(json.dumps([end(KINDS["tcp"], WireTarget("127.0.0.1", port)) for port in (61000, 61001)]))
"""
    (itself, words), (closed, _) = namespace(setup, script)
    assert itself == closed == "refused"
    assert words == "connection refused by 127.0.0.1 port 61000 (met itself)"
