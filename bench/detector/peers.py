"""Faithful models of how others decide, probe by probe, with their own defaults.

Each model is a generator over one line: it yields (seconds, whether it holds the line for
bad) whenever it has looked. What a product adds after its decision (filter reloads, hooks,
routing daemons) is left out, in favour of the peer. Read, not remembered: dpinger.c,
OPNsense ``gateway_watcher.php``, pfSense ``gwlb.inc``, mwan3 ``mwan3track``, keepalived's
``vrrp_script``, RFC 5880 §6.8, FortiOS "performance SLA", and the original's health and
failover modules.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise

from bench.detector.network import SECOND_NS, Network

Looks = Iterator[tuple[float, bool]]
Peer = Callable[[Network, random.Random], Looks]


def _rtt_secs(network: Network, at: float) -> float:
    """The round-trip time of a packet sent at ``at``; infinite when it is lost."""
    rtt_ns = network.rtt_ns(int(at * SECOND_NS))
    return math.inf if rtt_ns is None else rtt_ns / SECOND_NS


def dpinger(
    interval: float,
    lost_after: float,
    period: float,
    *,
    loss_pct: int,
    latency: float,
    decay: int,
    wait: float,
) -> Peer:
    """A ring of the last ``period`` + ``lost_after`` seconds, averaged each second.

    A probe counts as lost only ``lost_after`` it was sent. The alarm ends ``decay`` looks
    after the averages are well (dpinger's own alert, as pfSense uses it); ``wait`` is the
    pause after an alarm of a watcher that polls (OPNsense).
    """
    size = int((period + lost_after) / interval)

    def looks(network: Network, chance: random.Random) -> Looks:
        ring: deque[tuple[float, float]] = deque(maxlen=size)
        sent_at, now = chance.random() * interval, chance.random()
        left, bad = 0, False
        while True:
            now += 1.0
            while sent_at <= now:
                ring.append((sent_at, _rtt_secs(network, sent_at)))
                sent_at += interval
            rtts = [rtt for at, rtt in ring if at + rtt <= now]
            lost = sum(at + rtt > now and now - at > lost_after for at, rtt in ring)
            loss = lost * 100 // (len(rtts) + lost) if lost else 0
            mean = sum(rtts) / len(rtts) if rtts else 0.0
            left = decay if loss > loss_pct or mean > latency else max(0, left - 1)
            began, bad = left > 0 and not bad, left > 0
            yield now, bad
            if began:
                now += wait

    return looks


def consecutive(
    interval: float, timeout: float, down: int, up: int, *, sleeps: bool = False
) -> Peer:
    """``down`` failures in a row and it is bad, ``up`` answers in a row and it is good.

    ``sleeps``: the interval begins when the check has ended (a shell loop), not when it began.
    """

    def looks(network: Network, chance: random.Random) -> Looks:
        began = chance.random() * interval
        bad, run = False, 0
        while True:
            rtt = _rtt_secs(network, began)
            answered = rtt <= timeout
            ended = began + min(rtt, timeout)
            run = run + 1 if answered is bad else 0
            if run >= (up if bad else down):
                bad, run = not bad, 0
            yield ended, bad
            # A check that takes longer than its interval delays the next one.
            began = ended + interval if sleeps else max(began + interval, ended)

    return looks


def bfd(interval: float, multiplier: int) -> Peer:
    """No packet for ``multiplier`` intervals and it is bad; good with the next handshake.

    Packets leave 0–25 % early (RFC 5880 §6.8.7), once a second while the session is down
    (§6.8.3), and two in a row bring it up again (Down, Init, Up: §6.8.6). The far end
    cooperates.
    """

    def looks(network: Network, chance: random.Random) -> Looks:
        sent_at, heard_at = chance.random() * interval, 0.0
        bad, heard = False, 0
        while True:
            arrives = sent_at + _rtt_secs(network, sent_at) / 2.0
            if not bad:
                if min(arrives, sent_at + interval) > heard_at + multiplier * interval:
                    bad, heard = True, 0
                    yield heard_at + multiplier * interval, True
                elif arrives < math.inf:
                    heard_at = arrives
            else:
                heard = heard + 1 if arrives < math.inf else 0
                if heard >= 2:
                    bad, heard_at = False, arrives
                yield sent_at, bad
            sent_at += (1.0 if bad else interval) * chance.uniform(0.75, 1.0)
            if not bad:
                yield sent_at, False

    return looks


def original(network: Network, chance: random.Random) -> Looks:
    """Five probes each 10 s, a weighted mean of three scores, judged each 5 s, 50/80/60 s."""
    cycle_at, now = chance.random() * 10.0, chance.random() * 5.0
    ready: deque[tuple[float, float]] = deque()
    score, bad, healthy_since = 100.0, False, None
    while True:
        now += 5.0
        while cycle_at <= now:
            at, rtts = cycle_at, []
            for _ in range(5):
                rtt = _rtt_secs(network, at)
                if rtt <= 1.0:
                    rtts.append(rtt * 1000.0)
                at += min(rtt, 1.0) + 0.2
            ready.append((at, _original_score(rtts)))
            cycle_at = max(cycle_at + 10.0, at)
        while ready and ready[0][0] <= now:
            score = ready.popleft()[1]
        if not bad:
            bad, healthy_since = score < 50.0, None
        elif score < 80.0:
            healthy_since = None
        elif healthy_since is None:
            healthy_since = now
        elif now - healthy_since >= 60.0:
            bad = False
        yield now, bad


def _original_score(rtts_ms: list[float]) -> float:
    """Full marks within each limit, exp(-value/limit) beyond; no answer has no jitter."""
    loss = 100.0 * (5 - len(rtts_ms)) / 5
    latency = sum(rtts_ms) / len(rtts_ms) if rtts_ms else math.inf
    steps = [abs(later - earlier) for earlier, later in pairwise(rtts_ms)]
    jitter = sum(steps) / len(steps) if steps else 0.0
    marks = ((0.4, latency, 100.0), (0.4, loss, 2.0), (0.2, jitter, 10.0))
    return 100.0 * sum(
        weight * (1.0 if value <= limit else math.exp(-value / limit))
        for weight, value, limit in marks
    )


PEERS: dict[str, Peer] = {
    "dpinger (pfSense)": dpinger(0.5, 2.0, 60.0, loss_pct=20, latency=0.5, decay=10, wait=0.0),
    "dpinger (OPNsense)": dpinger(1.0, 4.0, 60.0, loss_pct=20, latency=0.5, decay=1, wait=10.0),
    "mwan3 10 s, 5/5": consecutive(10.0, 4.0, 5, 5, sleeps=True),
    "mwan3 5 s, 3/3": consecutive(5.0, 2.0, 3, 3, sleeps=True),
    "FortiGate 0.5 s, 5/5": consecutive(0.5, 0.5, 5, 5),
    "keepalived 1 s, 2/2": consecutive(1.0, 1.0, 2, 2),
    "keepalived 2 s, 3/3": consecutive(2.0, 1.0, 3, 3),
    "BFD 300 ms x 3": bfd(0.3, 3),
    "BFD 50 ms x 3": bfd(0.05, 3),
    "the original": original,
}
