"""R3: six evaluators race for every generation: ``python -m bench.faults.race``.

Six processes decide the same switch at the same moment, round after round. One may win;
nobody may write twice, and nobody may die of a locked database.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.probing.postgres import postgres_server
from bench.report import Figure, report

EVALUATORS = 6
ROOT = Path(__file__).resolve().parents[2]
START_PATIENCE_SECS = 120.0
ROUND_PATIENCE_SECS = 60.0


def main() -> int:
    """Race, report, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=5_000)
    parser.add_argument("--quiet", action="store_true", help="judge only, keep no figures")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="pw-race-"))
        url = stack.enter_context(postgres_server()) if options.database == "postgres" else ""
        os.environ["PATHWARDEN_DATA_DIR"] = directory
        os.environ.pop("DATABASE_URL", None)
        if url:
            os.environ["DATABASE_URL"] = url
        subprocess.run(
            [sys.executable, "-m", "bench.faults.seed", "--policies", "1"], cwd=ROOT, check=True
        )
        outcomes = _race(options.rounds)
        events = _events(Path(directory), url)
    doubled = sum(count - 1 for count in events.values())
    lost = options.rounds - len(events)
    errors = sum(count for kind, count in outcomes.items() if kind not in {"won", "stale"})
    print(
        f"{options.database}: {options.rounds} rounds, {dict(outcomes)}, "
        f"{doubled} doubled, {lost} lost"
    )
    if not options.quiet:
        report(
            f"race_{options.database}",
            [
                Figure("rounds of 6 evaluators", options.rounds, "rounds", 1),
                Figure("events doubled", doubled, "events", 1, "0"),
                Figure("events lost", lost, "events", 1, "0"),
                Figure("errors, 'locked' among them", errors, "errors", 1, "0"),
            ],
        )
    return int(bool(doubled or lost or errors or outcomes["won"] != options.rounds))


def _race(rounds: int) -> Counter[str]:
    context = multiprocessing.get_context("spawn")
    line = context.Barrier(EVALUATORS)
    told: Any = context.Queue()
    racers = [
        context.Process(target=_evaluate, args=(line, told, rounds)) for _ in range(EVALUATORS)
    ]
    for racer in racers:
        racer.start()
    outcomes: Counter[str] = Counter()
    missing = EVALUATORS
    while missing:
        try:
            outcomes.update(told.get(timeout=1.0))
            missing -= 1
        except queue.Empty:
            if any(racer.exitcode for racer in racers):
                raise RuntimeError("an evaluator has died; see above") from None
    for racer in racers:
        racer.join(START_PATIENCE_SECS)
    return outcomes


def _evaluate(line: Any, told: Any, rounds: int) -> None:
    """One evaluator: what became of each of its decisions, counted."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "sdwan_site.settings"
    import django

    django.setup()
    from failover.models import FailoverPolicy
    from failover.services import StaleGeneration, ensure_states

    policy = FailoverPolicy.objects.prefetch_related("members").get()
    ensure_states([policy], now=datetime.now(UTC))
    outcomes: Counter[str] = Counter()
    for generation in range(1, rounds + 1):
        line.wait(START_PATIENCE_SECS if generation == 1 else ROUND_PATIENCE_SECS)
        try:
            _begin(policy, generation)
            outcomes["won"] += 1
        except StaleGeneration:
            outcomes["stale"] += 1
        except Exception as error:
            outcomes[f"{type(error).__name__}: {error}"] += 1
    told.put(outcomes)


def _begin(policy: Any, generation: int) -> None:
    from failover import services
    from failover.domain.situation import Direction, Switch
    from failover.domain.state import Cause
    from failover.services import PublishedState, Scores

    paths = [member.path_id for member in policy.members.all()]
    old, new = paths if generation % 2 else reversed(paths)
    services.begin_switch(
        policy,
        Switch(old, new, Direction.FAILOVER, Cause.DEAD, generation, "it is dead"),
        (),
        PublishedState(policy.pk, generation, "switching", "it is dead", {}, {}, None),
        scores=Scores(0.0, 98.0),
        evidence={"evaluator": os.getpid()},
        lease_epoch=1,
        now=datetime.now(UTC),
    )


def _events(directory: Path, url: str) -> Counter[int]:
    """How often each generation began, read from outside."""
    from bench.faults.store import Store

    events = Store(directory, url).events()
    return Counter(number for about in events.values() for number, kind, _ in about
                   if kind == "triggered")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
