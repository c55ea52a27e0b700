"""The lab does what it is told: what was set is what the kernel's counters and users see."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.addresses import HEAD_OFFICE, HEAD_OFFICE6, Lease
from tests.lab.stream import Packet, Recording, Stream
from tests.lab.two_providers import ROOT, TwoProviders

pytestmark = pytest.mark.root


def stream_for(net: TwoProviders, secs: float, to: str = HEAD_OFFICE) -> Recording:
    """A millisecond stream over the way the branch has chosen."""
    with Stream(net, to=to) as stream:
        time.sleep(secs)
        return stream.stop()


def answered(recording: Recording) -> list[Packet]:
    return [packet for packet in recording.packets if packet.answered_ns is not None]


@pytest.mark.parametrize("to", [HEAD_OFFICE, HEAD_OFFICE6, "198.19.255.254"])
def test_a_user_behind_nat_reaches_every_address_of_head_office(net: TwoProviders, to: str) -> None:
    recording = stream_for(net, 0.3, to)
    assert answered(recording)
    assert {packet.provider for packet in answered(recording)} == {1}
    assert net.carrying(to) == 1


def test_the_loss_that_was_set_is_what_the_kernel_counts(net: TwoProviders) -> None:
    net.impair(1, "up", loss_pct=20)
    recording = stream_for(net, 1.5)
    lost = net.counts(1, "up")["lost"]
    sent = net.datagrams(net.lan, "OutDatagrams")
    came = net.datagrams(net.hq, "InDatagrams")
    assert sent - came == lost
    assert sum(packet.arrived_ns is None for packet in recording.packets) == lost
    share = 100 * lost / len(recording.packets)
    assert 14 < share < 26  # 5 standard deviations of 1,000 throws


def test_bursts_lose_the_share_that_was_set_in_rows(net: TwoProviders) -> None:
    net.impair(1, "up", burst_start_pct=2, burst_end_pct=10)
    recording = stream_for(net, 2)
    outages = recording.outages()
    mean = sum(outage.lost for outage in outages) / len(outages)
    sent = net.datagrams(net.lan, "OutDatagrams")
    came = net.datagrams(net.hq, "InDatagrams")
    assert sum(outage.lost for outage in outages) == sent - came == net.counts(1, "up")["lost"]
    assert mean > 4  # 10 is set; loss by single throws would give 1.2


def test_every_round_trip_takes_at_least_the_delays_that_were_set(net: TwoProviders) -> None:
    net.impair(1, "up", delay_ms=30)
    net.impair(1, "down", delay_ms=15)
    packets = answered(stream_for(net, 0.5))
    assert packets
    assert min(p.arrived_ns - p.sent_ns for p in packets if p.arrived_ns) >= 30e6
    assert min(p.answered_ns - p.sent_ns for p in packets if p.answered_ns) >= 45e6


def test_jitter_spreads_the_delays_around_the_one_that_was_set(net: TwoProviders) -> None:
    net.impair(1, "up", delay_ms=40, jitter_ms=30)
    with Stream(net, interval_us=20_000) as stream:
        time.sleep(1.5)
        packets = stream.stop().packets
    ways = [(p.arrived_ns - p.sent_ns) / 1e6 for p in packets if p.arrived_ns is not None]
    assert min(ways) >= 10
    assert max(ways) - min(ways) > 20  # of 60; 70 throws all within a third: never


def test_a_line_set_one_way_leaves_the_other_way_clean(net: TwoProviders) -> None:
    net.impair(1, "down", blackhole=True)
    recording = stream_for(net, 0.4)
    assert not answered(recording)
    assert all(packet.arrived_ns for packet in recording.packets[:-20])
    assert net.counts(1, "up")["silenced"] == 0 < net.counts(1, "down")["silenced"]


def test_one_provider_knows_nothing_of_the_others_faults(net: TwoProviders) -> None:
    net.impair(2, blackhole=True)
    assert not stream_for(net, 0.4).outages(at_least=20)


def test_an_interval_of_a_millisecond_is_kept_on_average(net: TwoProviders) -> None:
    recording = stream_for(net, 1)
    span_ms = (recording.packets[-1].sent_ns - recording.packets[0].sent_ns) / 1e6
    assert len(recording.packets) >= span_ms
    assert recording.resolution_ns > 0


def test_a_moved_route_shows_as_one_move(net: TwoProviders) -> None:
    with Stream(net) as stream:
        time.sleep(0.3)
        net.branch.ip("route replace default via 198.51.100.1 dev wan2 metric 50 proto 173")
        time.sleep(0.3)
        recording = stream.stop()
    assert [provider for _, provider in recording.moves()] == [2]
    assert net.carrying() == 2


def test_static_address_translation_keeps_flows_on_a_dead_line(net: TwoProviders) -> None:
    """What makes flushing connections necessary: masquerading forgets, SNAT does not."""
    net.nat = "snat"
    net.load_nat()
    with Stream(net) as stream:
        time.sleep(0.3)
        net.impair(1, blackhole=True)
        net.branch.ip("route replace default via 198.51.100.1 dev wan2 metric 50 proto 173")
        moved_ns = time.monotonic_ns()
        time.sleep(0.5)
        recording = stream.stop()
    assert [provider for _, provider in recording.moves()] == [2]
    assert not answered(recording.after(moved_ns))


def test_the_truth_says_what_was_done_and_when(net: TwoProviders) -> None:
    before_ns = time.monotonic_ns()
    at_ns = net.impair(1, "up", loss_pct=7)
    (entry,) = net.truth.entries()
    assert before_ns < at_ns < time.monotonic_ns()
    assert entry == {
        "at_ns": at_ns, "what": "impaired", "uplink": 1, "way": "up", "settings": {"loss_pct": 7},
    }  # fmt: skip


def test_an_impossible_setting_is_refused_and_changes_nothing(net: TwoProviders) -> None:
    with pytest.raises(ValueError, match="loss_pct is 130"):
        net.impair(1, loss_pct=130)
    with pytest.raises(ValueError, match="los_pct"):
        net.impair(1, los_pct=13)
    assert not stream_for(net, 0.2).outages(at_least=10)
    assert net.truth.entries() == []


def test_a_renewal_changes_address_and_gateway_and_traffic_goes_on(net: TwoProviders) -> None:
    net.give_lease(1, 3)
    assert net.leases[1] == Lease(1, 3)
    assert net.defaults()[0]["gateway"] == "192.0.2.49"
    assert answered(stream_for(net, 0.3))
    assert answered(stream_for(net, 0.3, HEAD_OFFICE6))


def test_labs_stand_side_by_side(net: TwoProviders) -> None:
    with TwoProviders() as other:
        net.impair(1, blackhole=True)
        assert answered(stream_for(other, 0.3))
        assert not answered(stream_for(net, 0.3))


def namespaces() -> set[str]:
    done = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    return {line.split()[0] for line in done.stdout.splitlines()}


def test_closing_leaves_nothing_behind() -> None:
    net = TwoProviders()
    names = {space.name for space in (net.lan, net.branch, net.hq, *net.isps.values())}
    assert names <= namespaces()
    net.close()
    assert not names & namespaces()
    assert not net.directory.exists()


def test_nothing_is_left_when_whoever_made_the_network_is_killed() -> None:
    script = (
        "import json, subprocess, time\n"
        "from tests.lab.two_providers import TwoProviders\n"
        "net = TwoProviders()\n"
        "sleeper = subprocess.Popen(net.lan.command('sleep', '600'))\n"
        "names = [s.name for s in (net.lan, net.branch, net.hq, *net.isps.values())]\n"
        "print(json.dumps([names, sleeper.pid, str(net.directory)]), flush=True)\n"
        "time.sleep(600)\n"
    )
    maker = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert maker.stdout is not None
    names, sleeper, directory = json.loads(maker.stdout.readline())
    maker.kill()
    maker.communicate()
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at and (set(names) & namespaces() or runs(sleeper)):
        time.sleep(0.1)
    assert not set(names) & namespaces()
    assert not runs(sleeper)
    assert not Path(directory).exists()


def runs(process: int) -> bool:
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())  # empty: a zombie
    except OSError:
        return False
