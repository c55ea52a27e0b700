"""One-off measurements in network namespaces of their own: what is silent, refused, forbidden."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.root

ONE_OFF = """
import json
from health.probers import PROBERS
from health.probers.base import ProberError, WireTarget
from health.probers.one_off import measure

def ends(*addresses, **options):
    found = []
    for address in addresses:
        try:
            prober = PROBERS["icmp"].make()
        except ProberError as error:
            found.append([type(error).__name__, str(error)])
            continue
        (attempt,) = measure(prober, [WireTarget(address, **options)], 1, 0.1, 0.3)
        prober.close()
        found.append([str(attempt.outcome), attempt.detail])
    print(json.dumps(found))
"""


def test_a_one_off_echo_tells_silence_refusal_and_a_missing_route_apart(namespace):
    setup = """
ip link add a0 type veth peer name b0; ip link set a0 up; ip link set b0 up
ip addr add 10.77.0.1/24 dev a0
ip neigh add 10.77.0.3 lladdr 02:00:00:00:00:03 dev a0
"""
    script = f'{ONE_OFF}\nends("127.0.0.1", "10.77.0.3", "198.51.100.1")'
    answered, silent, unsent = namespace(setup, script)
    assert answered == ["answered", ""]
    assert silent == ["lost", "no answer within 0.3 s"]
    assert unsent[0] == "misconfigured"
    assert unsent[1].startswith("not sent: ")


def test_a_one_off_echo_without_permission_says_the_cure(namespace):
    setup = 'echo "1 0" > /proc/sys/net/ipv4/ping_group_range'
    ((kind, cure),) = namespace(setup, f'{ONE_OFF}\nends("127.0.0.1")', without_raw=True)
    assert kind == "ProberPermissionError"
    assert "ping_group_range" in cure


def test_a_one_off_echo_works_unprivileged_where_the_kernel_allows_it(namespace):
    setup = 'echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range'
    ((end, _),) = namespace(setup, f'{ONE_OFF}\nends("127.0.0.1")', without_raw=True)
    assert end == "answered"


def test_a_mark_that_may_not_be_set_is_told_and_never_left_out(namespace):
    setup = 'echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range'
    script = f'{ONE_OFF}\nends("127.0.0.1", fwmark=7)'
    ((end, detail),) = namespace(setup, script, without_raw=True)
    assert end == "denied"
    assert "mark (7)" in detail
