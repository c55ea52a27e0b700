"""What an ordinary user may measure, and what the sentence says where he may not."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.root

ALLOW_EVERYONE = 'echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range'
ALLOW_NOBODY = 'echo "1 0" > /proc/sys/net/ipv4/ping_group_range'
WITHOUT_IPV6 = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"

# Imports come first: the interpreter may lie where only its owner may read.
AS_NOBODY = """
import json, os, time
import encodings.idna
from health.probers.base import ProberError, SendError, WireTarget
from health.probers.icmp import IcmpProber

os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)

def probe(prober, target, count=1):
    ends = []
    for _ in range(count):
        try:
            prober.send(prober.prepare(target), 2_000_000_000)
        except SendError as error:
            ends.append([str(error.outcome), str(error)])
    deadline = time.monotonic() + 3
    while len(ends) < count and time.monotonic() < deadline:
        time.sleep(0.005)
        ends += [[str(r.outcome), r.detail] for r in prober.receive()]
    return ends
"""


def test_an_ordinary_user_measures_where_the_group_range_allows_it(namespace):
    script = f"""{AS_NOBODY}
prober = IcmpProber()
print(json.dumps([prober.mode,
                  probe(prober, WireTarget("127.0.0.3", source="127.0.0.2"), 20),
                  probe(prober, WireTarget("::1", source="::1"), 20),
                  dict(prober.rejected)]))
"""
    mode, v4, v6, rejected = namespace(ALLOW_EVERYONE, script)
    assert mode == "unprivileged"
    assert v4 == v6 == [["answered", ""]] * 20
    assert rejected == {}


def test_the_receive_buffer_of_an_ordinary_user_is_as_large_as_the_system_allows(namespace):
    script = f"""{AS_NOBODY}
import socket
sock = IcmpProber()._v4.sock
print(json.dumps([sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                  int(open("/proc/sys/net/core/rmem_max").read())]))
"""
    size, limit = namespace(ALLOW_EVERYONE, script)
    assert size == min(2 * limit, 16 << 20)  # the kernel doubles what is asked for


def test_an_ordinary_user_without_any_permission_is_told_the_cure(namespace):
    script = f"""{AS_NOBODY}
try:
    IcmpProber()
except ProberError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
    kind, cure = namespace(ALLOW_NOBODY, script)
    assert kind == "ProberPermissionError"
    for word in ("setcap cap_net_raw+ep", "net.ipv4.ping_group_range", "AmbientCapabilities"):
        assert word in cure


@pytest.mark.parametrize("address", ["127.0.0.3", "::1"])
def test_a_mark_without_the_right_to_set_it_is_denied_and_not_lost(namespace, address):
    script = f"""{AS_NOBODY}
print(json.dumps(probe(IcmpProber(), WireTarget({address!r}, fwmark=7))))
"""
    ((outcome, detail),) = namespace(ALLOW_EVERYONE, script)
    assert outcome == "denied"
    assert "mark (7)" in detail
    assert "CAP_NET_ADMIN" in detail


def test_where_ipv6_is_switched_off_its_targets_say_so_and_ipv4_goes_on(namespace):
    script = f"""{AS_NOBODY}
prober = IcmpProber()
print(json.dumps([probe(prober, WireTarget(a)) for a in ("2001:db8::1", "127.0.0.1")]))
"""
    ((outcome, detail),), v4 = namespace(f"{ALLOW_EVERYONE}; {WITHOUT_IPV6}", script)
    assert outcome == "misconfigured"
    assert "no IPv6 address to probe 2001:db8::1 from" in detail
    assert "disable_ipv6=0" in detail
    assert v4 == [["answered", ""]]


def test_a_kernel_without_ipv6_is_named_and_ipv4_goes_on(namespace):
    """Such a kernel refuses the family with EAFNOSUPPORT; only the refusal is made here."""
    script = f"""{AS_NOBODY}
import errno, socket
class WithoutIPv6(socket.socket):
    def __init__(self, family, *rest):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        super().__init__(family, *rest)
socket.socket = WithoutIPv6
prober = IcmpProber()
print(json.dumps([probe(prober, WireTarget("::1"), 3), probe(prober, WireTarget("127.0.0.1"), 3)]))
"""
    v6, v4 = namespace(ALLOW_EVERYONE, script)
    assert [outcome for outcome, _ in v6] == ["misconfigured"] * 3
    assert "no IPv6" in v6[0][1]
    assert "ipv6.disable=0" in v6[0][1]
    assert v4 == [["answered", ""]] * 3
