"""What loopback cannot show: no privileges, routers that refuse, interfaces that fail.

Each test has a network namespace of its own, which vanishes with its processes.
"""

from __future__ import annotations

ALLOW_EVERYONE = 'echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range'
ALLOW_NOBODY = 'echo "1 0" > /proc/sys/net/ipv4/ping_group_range'

# Behind a0 lives a router, in a second namespace, that knows 10.77.9.0/24 as unreachable.
ROUTER = """
unshare --net sleep 20 & router=$!
for _ in $(seq 100); do
  [ "$(readlink /proc/$router/ns/net)" != "$(readlink /proc/$$/ns/net)" ] && break; sleep 0.02
done
trap "kill $router" EXIT
ip link add a0 type veth peer name b0 netns $router
ip addr add 10.77.0.1/24 dev a0; ip link set a0 up
inside() { nsenter --net=/proc/$router/ns/net "$@"; }
inside ip addr add 10.77.0.2/24 dev b0; inside ip link set b0 up
inside sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
inside ip route add unreachable 10.77.9.0/24
ip route add 10.77.9.0/24 via 10.77.0.2
exec() { "$@"; }
"""

PRELUDE = """
import json, select, subprocess, time
from health.probers.base import ProberError, SendError, WireTarget
from health.probers.icmp import IcmpProber

def probe(prober, target, count=1, patience=3.0):
    ends = []
    for _ in range(count):
        try:
            prober.send(target, 2_000_000_000)
        except SendError as error:
            ends.append([str(error.outcome), str(error)])
    deadline = time.monotonic() + patience
    while len(ends) < count and time.monotonic() < deadline:
        select.select(prober.sockets(), [], [], 0.1)
        ends += [[str(r.outcome), r.detail] for r in prober.receive()]
    return ends
"""


def test_without_privileges_the_echo_socket_measures_where_the_kernel_allows_it(namespace):
    script = f"""{PRELUDE}
prober = IcmpProber()
print(json.dumps([prober.mode, probe(prober, WireTarget("127.0.0.3", source="127.0.0.2"), 20),
                  dict(prober.rejected)]))
"""
    mode, ends, rejected = namespace(ALLOW_EVERYONE, script, without_raw=True)
    assert mode == "unprivileged"
    assert ends == [["answered", ""]] * 20
    assert rejected == {}


def test_without_any_permission_the_error_is_the_cure(namespace):
    script = f"""{PRELUDE}
try:
    IcmpProber()
except ProberError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
    kind, cure = namespace(ALLOW_NOBODY, script, without_raw=True)
    assert kind == "ProberPermissionError"
    for word in ("setcap", "ping_group_range", "AmbientCapabilities"):
        assert word in cure


def test_a_mark_without_the_right_to_set_it_is_denied_and_not_lost(namespace):
    script = f"""{PRELUDE}
print(json.dumps(probe(IcmpProber(), WireTarget("127.0.0.3", fwmark=7))))
"""
    ((outcome, detail),) = namespace(ALLOW_EVERYONE, script, without_raw=True)
    assert outcome == "denied"
    assert "mark (7)" in detail


REFUSALS = f"""{PRELUDE}
prober = IcmpProber()
refused = WireTarget("10.77.9.5")
print(json.dumps([prober.mode, probe(prober, refused, 5), probe(prober, WireTarget("10.77.0.2")),
                  dict(prober.rejected)]))
"""


def test_a_router_s_unreachable_refuses_the_probe_with_its_words(namespace):
    mode, refused, good, rejected = namespace(ROUTER, REFUSALS)
    assert mode == "raw"
    assert refused == [["refused", "Destination host unreachable from 10.77.0.2"]] * 5
    assert good == [["answered", ""]]
    assert rejected == {}


def test_an_unprivileged_socket_learns_of_it_too_and_blames_the_right_probe(namespace):
    mode, refused, good, rejected = namespace(
        f"{ROUTER}\n{ALLOW_EVERYONE}", REFUSALS, without_raw=True
    )
    assert mode == "unprivileged"
    assert refused == [["refused", "Destination host unreachable from 10.77.0.2"]] * 5
    assert good == [["answered", ""]]
    assert rejected == {}


def test_an_interface_that_goes_down_is_a_dead_link_until_it_is_back(namespace):
    script = f"""{PRELUDE}
def ip(*words):
    subprocess.run(["ip", *words], check=True)

prober = IcmpProber()
target = WireTarget("10.77.0.1", interface="wan9")
ends = []
ip("link", "add", "wan9", "type", "veth", "peer", "name", "far9")
ip("addr", "add", "10.77.0.9/24", "dev", "wan9")
ends += probe(prober, target._replace(interface="wan9"), patience=0.1) or [["sent", ""]]
ip("link", "set", "wan9", "up")
ends += probe(prober, target, patience=0.1) or [["sent", ""]]
ip("link", "delete", "wan9")
ends += probe(prober, target)
ip("link", "add", "wan9", "type", "veth", "peer", "name", "far9")
ip("addr", "add", "10.77.0.9/24", "dev", "wan9")
ip("link", "set", "wan9", "up")
ends += probe(prober, target, patience=0.1) or [["sent", ""]]
print(json.dumps([end[0] for end in ends]))
"""
    assert namespace(":", script) == ["link_down", "sent", "link_down", "sent"]


def test_a_missing_route_says_nothing_about_the_path(namespace):
    script = f"""{PRELUDE}
print(json.dumps(probe(IcmpProber(), WireTarget("198.51.100.1"))))
"""
    ((outcome, detail),) = namespace(":", script)
    assert outcome == "misconfigured"
    assert "no route to 198.51.100.1" in detail
