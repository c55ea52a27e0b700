"""Loss as counted by the prober beside loss as counted by the kernel that made it."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.root

PROBES = 3_000
RULES = """
add table inet t
add counter inet t dropped
add chain inet t in { type filter hook input priority 0; }
add rule inet t in icmp type echo-request numgen random mod 100 < 7 counter name dropped drop
add rule inet t in icmpv6 type echo-request numgen random mod 100 < 7 counter name dropped drop
"""


def test_loss_equals_the_kernel_s_drops_to_the_packet(echo, helpers):
    helpers.run("nft", RULES)
    prober = echo.make()
    lanes = [prober.prepare(echo.target(n)) for n in range(100)]
    replies = []
    for number in range(PROBES):
        prober.send(lanes[number % 100], 10_000_000_000)
        if number % 64 == 63:
            replies += prober.receive()
    listed = json.loads(helpers.run("nft", "-j", "list counter inet t dropped"))
    dropped = listed["nftables"][1]["counter"]["packets"]
    replies += helpers.collect(prober, PROBES - dropped - len(replies), patience_secs=3)
    assert 0 < dropped < PROBES / 2
    assert PROBES - len(replies) == dropped
    assert not prober.rejected
