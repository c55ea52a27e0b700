"""Who is compared: our profiles with the whole product behind them, and the peers.

All are asked the same thing: here is a line, tell when you would have moved the traffic.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from bench.detector.network import SECOND_NS, Network
from bench.detector.peers import PEERS, Peer
from bench.detector.policy_run import Move, PolicyRun
from bench.detector.profiles import PROFILES, Base, Profile

LINGER_SECS = 120.0
"""How long a move is watched, for others that follow it."""


class Course(NamedTuple):
    """What somebody did on a line: the moves, and how often the line was called dead."""

    moves: list[Move]
    deaths: int

    def first_move_after(self, secs: float) -> float | None:
        """Seconds from ``secs`` to the first move to the backup, None when there was none."""
        return next((m.at - secs for m in self.moves if m.to_backup and m.at >= secs), None)

    def return_after(self, secs: float) -> float | None:
        """Seconds from ``secs`` to the first return to the primary, None when there was none."""
        return next((m.at - secs for m in self.moves if not m.to_backup and m.at >= secs), None)


class Contestant(NamedTuple):
    """``run(network, seed, until_secs, watched_from)`` gives the course.

    With the last one given, it ends ``LINGER_SECS`` after the first move from then on.
    """

    name: str
    base: Base
    warm_secs: int
    run: Callable[[Network, str, float, float | None], Course]


def _ours(profile: Profile, targets: int) -> Contestant:
    def run(network: Network, seed: str, until: float, watched_from: float | None) -> Course:
        policy_run = PolicyRun(profile, network, seed, targets)
        if watched_from is not None:
            policy_run.run_until(watched_from)
            policy_run.run_until(until, stop_at_move=True)
            until = min(until, policy_run.now_ns / SECOND_NS + LINGER_SECS)
        policy_run.run_until(until)
        return Course(policy_run.moves, policy_run.path.deaths)

    name = profile.name if targets == 1 else f"{profile.name}, {targets} targets"
    return Contestant(name, profile.base, profile.warm_secs, run)


def _theirs(name: str, peer: Peer) -> Contestant:
    def run(network: Network, seed: str, until: float, watched_from: float | None) -> Course:
        moves: list[Move] = []
        on_backup = False
        for at, bad in peer(network, random.Random(f"{seed}/probes")):
            if at >= until:
                break
            if bad is not on_backup:
                on_backup = bad
                network.primary_active = not bad
                moves.append(Move(at, bad, ""))
                if watched_from is not None and at >= watched_from:
                    until, watched_from = min(until, at + LINGER_SECS), None
        return Course(moves, 0)

    return Contestant(name, PROFILES["balanced"].base, PROFILES["balanced"].warm_secs, run)


OURS: dict[str, Contestant] = {
    one.name: one
    for one in (
        *(_ours(profile, 1) for profile in PROFILES.values()),
        _ours(PROFILES["balanced"], 3),
    )
}
CONTESTANTS: dict[str, Contestant] = OURS | {
    name: _theirs(name, peer) for name, peer in PEERS.items()
}
