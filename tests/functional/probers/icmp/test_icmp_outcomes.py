"""One script of events behind a real router: raw and unprivileged sockets tell the same story."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import pytest

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from tests.conftest import missing_layer

pytestmark = pytest.mark.root

PATIENCE = 3.0
SECOND = 1_000_000_000
# Ours and the router's address, and networks that the router knows as unreachable,
# prohibited and sends into a black hole; the last is unreachable by our own routing table.
NETWORKS = {
    "IPv4": ("10.77.0.1/24", "10.77.0.2/24", "10.77.9.0/24", "10.77.8.0/24", "10.77.7.0/24",
             "10.77.6.0/24"),
    "IPv6": ("fd78::1/64", "fd78::2/64", "fd78:0:0:9::/64", "fd78:0:0:8::/64", "fd78:0:0:7::/64",
             "fd78:0:0:6::/64"),
}  # fmt: skip
NO_SUCH_NETWORK = {"IPv4": "198.51.100.1", "IPv6": "2001:db8::1"}
REASONS = {
    "IPv4": ("Destination host unreachable", "Packet filtered"),
    "IPv6": (
        "No route to destination",
        "Communication with destination administratively prohibited",
    ),
}


@pytest.fixture
def router(own_net, helpers):
    """A router in a namespace of its own, at the other end of our interface a0."""
    process = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        ours, theirs = Path("/proc/thread-self/ns/net"), Path(f"/proc/{process.pid}/ns/net")
        deadline = time.monotonic() + 5
        while theirs.readlink() == ours.readlink():
            if process.poll() is not None or time.monotonic() > deadline:
                missing_layer("cannot make a network namespace")
            time.sleep(0.01)

        def inside(*command: str) -> None:
            helpers.run("nsenter", f"--net={theirs}", *command)

        connect(helpers.run, inside, process.pid)
        yield inside
    finally:
        process.kill()
        process.wait()


def connect(run, inside, pid):
    run("ip", "link", "add", "a0", "type", "veth", "peer", "name", "b0", "netns", str(pid))
    inside("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
    inside("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    inside("ip", "link", "set", "lo", "up")
    run("sysctl", "-qw", "net.ipv6.conf.a0.keep_addr_on_down=1")
    for family, networks in NETWORKS.items():
        ip, nodad = (["ip", "-6"], ["nodad"]) if family == "IPv6" else (["ip"], [])
        run(*ip, "addr", "add", networks[0], "dev", "a0", *nodad)
        inside(*ip, "addr", "add", networks[1], "dev", "b0", *nodad)
        inside(*ip, "route", "add", "blackhole", networks[4])
    inside("ip", "-6", "route", "add", "unreachable", NETWORKS["IPv6"][2])
    inside("ip", "-6", "route", "add", "prohibit", NETWORKS["IPv6"][3])
    # In IPv4 by the filter: after five errors the routing table sends but one a second.
    inside("nft", "add table ip t; add chain ip t in { type filter hook forward priority 0; }")
    for network, why in zip(
        NETWORKS["IPv4"][2:4], ("host-unreachable", "admin-prohibited"), strict=True
    ):
        inside("ip", "route", "add", network, "dev", "lo")
        inside("nft", f"add rule ip t in ip daddr {network} reject with icmp type {why}")
    inside("ip", "link", "set", "b0", "up")
    raise_link(run)


def raise_link(run):
    """Interface up, with the routes that the kernel deletes when it goes down."""
    run("ip", "link", "set", "a0", "up")
    for family, networks in NETWORKS.items():
        ip = ["ip", "-6"] if family == "IPv6" else ["ip"]
        for network in networks[2:5]:
            run(*ip, "route", "replace", network, "via", networks[1].partition("/")[0])
        run(*ip, "route", "replace", "unreachable", networks[5])


def host(network: str) -> str:
    """An address in a network."""
    address = network.partition("/")[0]
    return address + "5" if address.endswith(":") else address.rpartition(".")[0] + ".5"


class Story:
    """Probes targets and notes how each probe ended."""

    def __init__(self, prober, family: str) -> None:
        self.prober = prober
        self.family = family
        self.told: list[tuple[str, list[tuple[str, str]]]] = []

    def probe(self, event: str, *targets: WireTarget, times: int = 3) -> None:
        """Probe the targets in turn and wait for all to end; what does not end is lost."""
        ends: dict[int, tuple[str, str]] = {}
        refused: list[tuple[str, str]] = []
        lanes = []
        for target in targets:
            with self.noting(refused, times):
                lanes.append(self.prober.prepare(target))
        for lane in lanes * times:
            with self.noting(refused, 1):
                ends[self.prober.send(lane, 60 * SECOND)] = ("lost", "")
            ends.update(self.received())
        patience = 0.3 if event == "black hole" else PATIENCE
        deadline = time.monotonic() + patience
        while ("lost", "") in ends.values() and time.monotonic() < deadline:
            time.sleep(0.005)
            ends.update(self.received())
        for probe_id in ends:
            self.prober.forget(probe_id)
        self.told.append((event, refused + list(ends.values())))

    def received(self) -> dict[int, tuple[str, str]]:
        return {r.probe_id: (str(r.outcome), r.detail) for r in self.prober.receive()}

    @staticmethod
    @contextlib.contextmanager
    def noting(refused, times):
        try:
            yield
        except SendError as error:
            refused.extend([(str(error.outcome), "")] * times)


def tell(story: Story, helpers) -> None:
    """All that can happen to a probe."""
    _mine, theirs, *networks = NETWORKS[story.family]
    router = WireTarget(theirs.partition("/")[0])
    unreachable, prohibited, black_hole, refused_here = (WireTarget(host(n)) for n in networks)
    story.probe("alive", router)
    story.probe("unreachable", unreachable)
    story.probe("prohibited", prohibited)
    story.probe("black hole", black_hole)
    story.probe("alive between unreachable", router, unreachable, times=20)
    story.probe("no route", WireTarget(NO_SUCH_NETWORK[story.family]))
    story.probe("unreachable by our own table", refused_here)
    story.probe("source is nobody's", router._replace(source=NO_SUCH_NETWORK[story.family]))
    helpers.run(
        "nft",
        f"""add table inet t
add chain inet t out {{ type filter hook output priority 0; }}
add rule inet t out {"ip6" if story.family == "IPv6" else "ip"} daddr {router.address} drop""",
    )
    story.probe("dropped by our own firewall", router)
    helpers.run("nft", "delete table inet t")
    helpers.run("ip", "link", "set", "a0", "down")
    story.probe("interface down", router._replace(interface="a0"))
    raise_link(helpers.run)
    story.probe("up again", router._replace(interface="a0"))


def expected(family: str, mode: str) -> list[tuple[str, list[tuple[str, str]]]]:
    router = NETWORKS[family][1].partition("/")[0]
    unreachable, prohibited = (f"{reason} from {router}" for reason in REASONS[family])
    alive, lost = (str(Outcome.ANSWERED), ""), (str(Outcome.LOST), "")
    refused = str(Outcome.REFUSED)
    wrong, denied = (str(Outcome.MISCONFIGURED), ""), (str(Outcome.DENIED), "")
    if (family, mode) == ("IPv6", "unprivileged"):
        # The kernel tells such a socket nothing of it (icmpv6_push_pending_frames).
        denied = lost
    return [
        ("alive", [alive] * 3),
        ("unreachable", [(refused, unreachable)] * 3),
        ("prohibited", [(refused, prohibited)] * 3),
        ("black hole", [lost] * 3),
        ("alive between unreachable", [alive, (refused, unreachable)] * 20),
        ("no route", [wrong] * 3),
        ("unreachable by our own table", [wrong] * 3),
        ("source is nobody's", [wrong] * 3),
        ("dropped by our own firewall", [denied] * 3),
        ("interface down", [(str(Outcome.LINK_DOWN), "")] * 3),
        ("up again", [alive] * 3),
    ]


def test_raw_and_unprivileged_sockets_tell_the_same_story(
    router, mode, family, make_prober, helpers
):
    story = Story(make_prober(mode), family)
    tell(story, helpers)
    assert story.told == expected(family, mode)
    assert not story.prober.rejected


@pytest.mark.parametrize("by", ["zone of the address", "interface of the uplink"])
def test_a_link_local_router_is_probed_on_its_link(router, mode, make_prober, helpers, by):
    router("ip", "-6", "addr", "add", "fe80::77/64", "dev", "b0", "nodad")
    prober = make_prober(mode)
    target = (
        WireTarget("fe80::77%a0")
        if by.startswith("zone")
        else WireTarget("fe80::77", interface="a0")
    )
    deadline = time.monotonic() + PATIENCE
    replies = []
    while not replies and time.monotonic() < deadline:  # our own address may still be tentative
        with contextlib.suppress(SendError):
            helpers.send(prober, target)
        replies = helpers.collect(prober, 1, patience_secs=0.2)
    assert replies
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}


def test_a_lane_outlives_its_interface(own_net, mode, family, make_prober, helpers):
    """An interface that is deleted and made again has another index in the kernel."""
    address = {"IPv4": "10.77.0.1", "IPv6": "fd79::1"}[family]

    def make_interface():
        helpers.run("ip", "link", "add", "wan9", "type", "veth", "peer", "name", "far9")
        helpers.run("ip", "addr", "add", {"IPv4": "10.77.0.9/24", "IPv6": "fd79::9/64"}[family],
                    "dev", "wan9", *(["nodad"] if family == "IPv6" else []))  # fmt: skip
        helpers.run("ip", "link", "set", "far9", "up")
        helpers.run("ip", "link", "set", "wan9", "up")

    prober = make_prober(mode)
    make_interface()
    lane = prober.prepare(WireTarget(address, interface="wan9"))
    first = prober.send(lane, SECOND)
    helpers.run("ip", "link", "delete", "wan9")
    with pytest.raises(SendError) as refusal:
        prober.send(lane, SECOND)
    assert refusal.value.outcome is Outcome.LINK_DOWN
    make_interface()
    assert prober.send(lane, SECOND) > first


@pytest.mark.parametrize("mode", ["unprivileged"], indirect=True)
def test_what_a_full_buffer_dropped_stays_counted_when_its_socket_is_closed(echo):
    prober = echo.make()
    lane = prober.prepare(echo.target(3, interface="lo"))
    lane.channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the least there is
    for _ in range(50):
        prober.send(lane, SECOND)
    dropped = prober.dropped()
    assert dropped > 0
    prober.release(lane)
    assert prober.dropped() == dropped


@pytest.mark.parametrize("mode", ["unprivileged"], indirect=True)
@pytest.mark.parametrize("other", ["source", "interface", "mark"])
def test_each_group_has_an_unprivileged_socket_that_closes_with_its_last_lane(echo, helpers, other):
    address, source = echo.target(3).address, echo.target(99).address
    if echo.family == "IPv6":
        helpers.run("ip", "-6", "addr", "add", f"{source}/128", "dev", "lo", "nodad")
    prober = echo.make()
    options = {"source": {"source": source}, "interface": {"interface": "lo"},
               "mark": {"fwmark": 7}}  # fmt: skip
    target = WireTarget(address, **options[other])
    lanes = [
        prober.prepare(target),
        prober.prepare(target._replace(address=echo.target(4).address)),
    ]
    ids = [prober.send(lane, SECOND) for lane in lanes]
    assert sorted(reply.probe_id for reply in helpers.collect(prober, 2)) == ids
    sock = lanes[0].channel.sock
    assert prober.prepare(WireTarget(address)).channel.sock is not sock
    assert lanes[1].channel.sock is sock
    prober.release(lanes[0])
    assert sock.fileno() >= 0
    prober.release(lanes[1])
    assert sock.fileno() < 0
    assert helpers.send(prober, target) > max(ids)
