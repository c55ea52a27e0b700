"""The models of the peers do what is known of the products."""

from __future__ import annotations

import random

import pytest

from bench.detector.network import BLACKHOLE, FAIR, SECOND_NS, Network, Phases, Weather, fair_until
from bench.detector.peers import PEERS
from bench.detector.profiles import Base

FAULT_SECS = 200.0
REPAIR_SECS = 500.0


def changes(peer: str, weather: Weather, until: float = 900.0, seed: int = 0) -> list[float]:
    """When the peer changed its mind on a line that is faulty between the two times."""

    def phases() -> Phases:
        yield from [(int(FAULT_SECS * SECOND_NS), FAIR), (int(REPAIR_SECS * SECOND_NS), weather)]
        yield from fair_until(1 << 61, FAIR)

    network = Network(f"{peer}{seed}", Base(20.0, 3.0), phases())
    times: list[float] = []
    before = False
    for at, bad in PEERS[peer](network, random.Random(seed)):
        if at > until:
            return times
        if bad is not before:
            before = bad
            times.append(at)
    raise AssertionError("a peer never ends")


@pytest.mark.parametrize(
    ("peer", "soonest", "latest"),
    [
        # 20 % of a 62 s ring at 0.5 s, lost after 2 s, looked at each second
        ("dpinger (pfSense)", 13.5, 16.5),
        # 20 % of a 64 s ring at 1 s, lost after 4 s
        ("dpinger (OPNsense)", 15.0, 29.0),
        # five rounds of 4 s with 10 s of sleep between them
        ("mwan3 10 s, 5/5", 59.0, 71.0),
        ("mwan3 5 s, 3/3", 15.0, 22.0),
        ("FortiGate 0.5 s, 5/5", 2.0, 3.1),
        ("keepalived 1 s, 2/2", 1.9, 3.1),
        ("keepalived 2 s, 3/3", 4.9, 7.1),
        ("BFD 300 ms x 3", 0.6, 0.95),
        ("BFD 50 ms x 3", 0.1, 0.2),
        ("the original", 5.9, 21.1),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_blackhole_is_seen_when_the_peer_s_timers_say_so(
    peer: str, soonest: float, latest: float, seed: int
) -> None:
    left, returned, *more = changes(peer, BLACKHOLE, seed=seed)
    assert soonest <= left - FAULT_SECS <= latest
    assert returned > REPAIR_SECS
    assert not more


@pytest.mark.parametrize("peer", PEERS)
def test_a_quiet_line_is_left_by_nobody(peer: str) -> None:
    assert changes(peer, FAIR) == []


def test_pfsense_holds_an_alarm_for_ten_seconds_and_opnsense_does_not() -> None:
    returns = {
        peer: changes(peer, BLACKHOLE)[1] - REPAIR_SECS
        for peer in ("dpinger (pfSense)", "dpinger (OPNsense)")
    }
    assert returns["dpinger (pfSense)"] > returns["dpinger (OPNsense)"]


def test_the_original_is_blind_to_loss_on_a_steady_line() -> None:
    network = Network("steady", Base(20.0, 0.0), fair_until(0, Weather(0.3)))
    looks = PEERS["the original"](network, random.Random(1))
    assert not any(next(looks)[1] for _ in range(60))
