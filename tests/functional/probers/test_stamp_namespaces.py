"""STAMP and one-off probes where interfaces fail and privileges are missing.

Each test has a network namespace of its own, which vanishes with its processes.
"""

from __future__ import annotations

import pytest

PRELUDE = """
import json, subprocess, time
from health.probers.base import SendError, WireTarget
from health.probers.stamp import StampProber

def ip(*words):
    subprocess.run(["ip", *words], check=True)

lanes = {}

def outcome(prober, target):
    try:
        lane = lanes.get((prober, target)) or prober.prepare(target)
        lanes[prober, target] = lane
        prober.send(lane, 2_000_000_000)
    except SendError as error:
        return [str(error.outcome), str(error)]
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        time.sleep(0.005)
        for reply in prober.receive():
            return [str(reply.outcome), reply.detail]
    return ["sent", ""]
"""

RENEWED = f"""{PRELUDE}
def make():
    ip("link", "add", "wan9", "type", "veth", "peer", "name", "far9")
    ip("addr", "add", "10.77.0.9/24", "dev", "wan9")

make()
prober = StampProber()
target = WireTarget("10.77.0.1", 862, interface="wan9")
ends = [outcome(prober, target)]
ip("link", "set", "wan9", "up")
ends.append(outcome(prober, target))
first = lanes[prober, target].sock
ip("link", "delete", "wan9")
ends.append(outcome(prober, target))
make()
ip("link", "set", "wan9", "up")
ends.append(outcome(prober, target))
print(json.dumps([[end[0] for end in ends], first is lanes[prober, target].sock]))
"""


def test_an_interface_that_was_made_anew_is_used_again_over_the_same_socket(namespace):
    outcomes, same_socket = namespace(":", RENEWED)
    assert outcomes == ["link_down", "sent", "link_down", "sent"]
    assert same_socket


@pytest.mark.parametrize("family", ["127.0.0.1", "::1"])
def test_without_privileges_packets_still_leave_by_the_interface(namespace, family):
    script = f"""{PRELUDE}
prober = StampProber()
print(json.dumps([outcome(prober, WireTarget("{family}", 862, interface=name))
                  for name in ("lo", "nosuch0")]))
"""
    (refused, _), (down, detail) = namespace(":", script, without_raw=True)
    assert refused == "refused"
    assert down == "link_down"
    assert "nosuch0" in detail


def test_a_mark_without_the_right_to_set_it_is_denied(namespace):
    script = f"""{PRELUDE}
print(json.dumps(outcome(StampProber(), WireTarget("127.0.0.1", 862, fwmark=7))))
"""
    denied, detail = namespace(":", script, without_raw=True)
    assert denied == "denied"
    assert "mark (7)" in detail


LINK_LOCAL = f"""{PRELUDE}
import threading
from health.probers.reflector import Reflector
from health.probers.reflector_config import Listener

def address_of(name):
    shown = subprocess.run(["ip", "-j", "-6", "addr", "show", "dev", name],
                           check=True, capture_output=True, text=True).stdout
    return json.loads(shown)[0]["addr_info"][0]["local"]

near, far = address_of("a0"), address_of("b0")
reflector = Reflector([Listener(far + "%b0", 0)])
port = reflector.addresses[0][1]
threading.Thread(target=reflector.serve, args=(lambda: False,), daemon=True).start()
prober = StampProber()
print(json.dumps([outcome(prober, WireTarget(far, port, interface="a0", source=source))
                  for source in ("", near)]), flush=True)
"""


def test_a_link_local_neighbour_is_reached_over_the_interface_of_the_path(namespace):
    setup = """
ip link add a0 type veth peer name b0
for name in a0 b0; do
    echo 0 > /proc/sys/net/ipv6/conf/$name/accept_dad; ip link set $name up
done
sleep 0.2
"""
    assert namespace(setup, LINK_LOCAL) == [["answered", ""], ["answered", ""]]
