"""Two vantages on one host, one probing dead targets and the other live ones, at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

REPOSITORY = Path(__file__).parents[4]
TARGETS, ROUNDS = 40, 25
# The same targets, told apart by the source of the request, so that identifier (where
# it is forced), sequence numbers and addresses of both vantages are all the same.
DEAD_SOURCES = {"IPv4": "127.0.0.66", "IPv6": "fd77::66"}

VANTAGE = f"""
import json, sys, time
from health.probers import icmp_socket
from health.probers.base import WireTarget
from health.probers.icmp import IcmpProber

mode, identifier, *sources = sys.argv[1:]
if identifier:
    icmp_socket.identifiers_of = lambda common: [int(identifier)]
    icmp_socket.random_part = lambda: int(identifier)
if mode == "unprivileged":
    def forbidden(family):
        raise PermissionError(1, "as to a user without CAP_NET_RAW")
    icmp_socket._open_raw = forbidden
prober = IcmpProber()
lanes = [
    prober.prepare(WireTarget(form.format(n), source=source))
    for form, source in zip(("127.0.7.{{}}", "fd77::7:{{}}"), sources)
    for n in range(1, {TARGETS} + 1)
]
assert prober.mode == mode
print("ready", flush=True)
sys.stdin.readline()
answered = 0
for _ in range({ROUNDS}):
    for lane in lanes:
        prober.send(lane, 2_000_000_000)
    time.sleep(0.01)
    answered += len(prober.receive())
time.sleep(0.2)
answered += len(prober.receive())
print(json.dumps([answered, prober.rejected.total()]))
"""


@pytest.fixture
def dead_sources(own_net, helpers):
    """Requests from these addresses are answered by nobody."""
    helpers.run("ip", "-6", "addr", "add", f"{DEAD_SOURCES['IPv6']}/128", "dev", "lo", "nodad")
    helpers.run(
        "nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }"
    )
    helpers.run("nft", f"add rule inet t in ip saddr {DEAD_SOURCES['IPv4']} drop")
    helpers.run("nft", f"add rule inet t in ip6 saddr {DEAD_SOURCES['IPv6']} drop")


@pytest.mark.parametrize(
    ("mode", "identifier"),
    [("raw", ""), ("raw", "4711"), ("unprivileged", "")],
    ids=["raw", "raw with one identifier by accident", "unprivileged"],
)
def test_no_dead_target_is_seen_alive_through_another_vantage_s_answers(
    dead_sources, mode, identifier
):
    command = [sys.executable, "-c", VANTAGE, mode, identifier]
    vantages = [
        subprocess.Popen(
            [*command, *sources], cwd=REPOSITORY, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for sources in (DEAD_SOURCES.values(), ("127.0.0.1", "fd77::1"))
    ]  # fmt: skip
    try:
        for vantage in vantages:
            assert vantage.stdout.readline() == "ready\n"
        results = [vantage.communicate("go\n", timeout=30)[0] for vantage in _started(vantages)]
    finally:
        for vantage in vantages:
            vantage.kill()
            vantage.communicate()
    (dead, overheard), (alive, _) = map(json.loads, results)
    assert dead == 0
    assert alive == 2 * TARGETS * ROUNDS
    # With one identifier the dead vantage did hear the other's answers, and knew them.
    assert (overheard == 2 * TARGETS * ROUNDS) == bool(identifier)


def _started(vantages):
    for vantage in vantages:
        vantage.stdin.write("go\n")
        vantage.stdin.flush()
    return vantages
