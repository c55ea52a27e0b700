"""The probe engine in a process of its own, so that a test can stop, starve or mislead it.

    python runner.py '{"paths": [...], "states": [...], "uplinks": [...]}'

Measures until its standard input ends. Prints one line of JSON for every round
("round") and every set of closed slots ("samples"), and "end" with the final
counts. No Django, no database: what a test sees is the engine's own view.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from typing import Any

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.sample import Sample
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.engine import resolver as resolver_module
from health.engine.loop import ProbeEngine
from health.engine.observers import Round, RoundObserver
from health.engine.resolver import NameResolver
from health.engine.resolver_files import NameServer, ResolverFiles
from health.probers import PROBERS
from health.uplinks.keeper import UplinkKeeper


def say(what: str, **values: Any) -> None:
    sys.stdout.write(json.dumps({"what": what, "at": time.monotonic(), **values}) + "\n")
    sys.stdout.flush()


def path_spec(row: dict[str, Any]) -> PathSpec:
    """A path to one target; times in milliseconds, those of the profile "realtime" if not given."""
    timing = ProbeTiming(
        interval_ms=row.get("interval_ms", 200),
        timeout_ms=row.get("timeout_ms", 1000),
        burst_ms=50,
        hold_ms=row.get("hold_ms", 500),
    )
    return PathSpec(
        key=row["key"],
        uid=f"uid-{row['key']}",
        name=f"path {row['key']}",
        kind=row.get("kind", "icmp"),
        targets=(TargetSpec(row["key"], row["address"], row.get("port")),),
        quorum=1,
        timing=timing,
        limits=SlaLimits(),
        uplink=row.get("uplink", 0),
        source=row.get("source", ""),
        interface=row.get("interface", ""),
    )


def uplink_state(row: dict[str, Any]) -> UplinkState:
    words = {"link": LinkState, "route": RouteState, "route6": RouteState}
    return UplinkState(**{name: words.get(name, lambda v: v)(v) for name, v in row.items()})


class Speaker(RoundObserver):
    """Prints what the engine knows after every round."""

    def __init__(self) -> None:
        self.engine: ProbeEngine | None = None

    def on_round(self, finished: Round) -> None:
        say("round", wall=finished.wall, **self.view())

    def on_samples(self, samples: list[Sample]) -> None:
        say("samples", slots=[[s.timestamp, s.path, s.sent, s.received] for s in samples])

    def view(self) -> dict[str, Any]:
        engine = self.engine
        if engine is None:
            return {}
        return {
            "sent": engine.sent_total,
            "overruns": engine.overruns,
            "stalls": engine.stalls,
            "rejected": {kind: dict(one.rejected) for kind, one in engine.probers.items()},
            "paths": {
                key: {
                    "status": reading.status,
                    "reason": reading.reason,
                    "detail": reading.targets[0].detail,
                    "reachable": reading.reachable,
                    "loss": reading.packet_loss_pct,
                    "min_ms": reading.min_latency_ms,
                    "max_ms": reading.max_latency_ms,
                    "probes": engine.paths[key].probes_total,
                    "failures": dict(engine.paths[key].failures),
                }
                for key, reading in engine.readings.items()
            },
        }


def pause(seconds: float) -> None:
    """What ``time.sleep`` does: faketime 0.9.10 makes that one fail (EINVAL)."""
    select.select((), (), (), seconds)


def main() -> None:
    wanted = json.loads(sys.argv[1])
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        time.sleep = pause
    kinds = {row.get("kind", "icmp") for row in wanted["paths"]}
    speaker = Speaker()
    servers = tuple(NameServer(*row) for row in wanted.get("name_servers", ()))
    resolver_module.SHORTEST_TTL_SECS = 0.2  # nobody waits half a minute for a test
    resolver = NameResolver(read_files=lambda: ResolverFiles(servers))
    engine = speaker.engine = ProbeEngine(
        {kind: PROBERS[kind].make() for kind in kinds},
        observers=[speaker],
        on_samples=speaker.on_samples,
        resolver=resolver,
    )
    if states := [uplink_state(row) for row in wanted.get("states", ())]:
        engine.submit_uplinks({state.key: state for state in states})
    keeper = UplinkKeeper(engine.submit_uplinks)
    if rows := wanted.get("uplinks"):
        specs = [UplinkSpec(**row | {"mode": ProbeRouteMode(row["mode"])}) for row in rows]
        keeper.configure(specs)
        keeper.start()
    engine.configure([path_spec(row) for row in wanted["paths"]])
    engine.run(lambda: bool(select.select([sys.stdin], [], [], 0)[0]))
    say("end", **speaker.view())
    keeper.close()
    resolver.close()
    for prober in engine.probers.values():
        prober.close()


if __name__ == "__main__":
    main()
