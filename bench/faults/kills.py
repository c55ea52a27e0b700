"""R1: kill -9 at every named point and at random instants: ``python -m bench.faults.kills``.

One database and one executor per process, since Django is set up once. Exit code 1 when an
event was lost or doubled or a route was not as the state says.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.probing.postgres import postgres_server
from bench.report import Figure, median_figure, report


def main() -> int:
    """Run, report, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--executor", choices=["files", "linux"], default="files")
    parser.add_argument("--instants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", action="store_true", help="judge only, keep no figures")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pw-faults-")))
        url = stack.enter_context(postgres_server()) if options.database == "postgres" else ""
        _prepare(directory, url)
        # After the environment is made: these read the settings.
        from bench.faults.nemesis import Nemesis, two_uplinks

        namespace = stack.enter_context(two_uplinks()) if options.executor == "linux" else None
        nemesis = Nemesis(directory, url, options.seed, namespace)
        wrong = _run(nemesis, options.instants, directory)
        print(
            f"{options.database}, {options.executor}: {nemesis.kills} kills, "
            f"{nemesis.kills_amid} amid a switch, {nemesis.switches} switches, "
            f"{len(wrong)} problems, "
            f"worst {max(nemesis.converged_secs):.2f} s until routes were as the state says"
        )
        for one in wrong[:20]:
            print(f"  {one}")
        if not options.quiet:
            report(f"faults_{options.database}_{options.executor}", _figures(nemesis, wrong))
    return int(bool(wrong))


def _prepare(directory: Path, url: str) -> None:
    os.environ["PATHWARDEN_DATA_DIR"] = str(directory)
    os.environ["DJANGO_SETTINGS_MODULE"] = "sdwan_site.settings"
    os.environ.pop("DATABASE_URL", None)
    if url:
        os.environ["DATABASE_URL"] = url
    import django

    django.setup()


def _run(nemesis: object, instants: int, directory: Path) -> list[str]:
    from bench.faults.nemesis import Nemesis

    if not isinstance(nemesis, Nemesis):
        raise TypeError(nemesis)
    try:
        nemesis.at_points()
        nemesis.at_random(instants)
        return nemesis.verdict()
    except (TimeoutError, RuntimeError):
        log = directory / "lives.log"
        print(log.read_text()[-5000:] if log.exists() else "no life has said anything")
        raise


def _figures(nemesis: object, wrong: list[str]) -> list[Figure]:
    from bench.faults.nemesis import Nemesis

    if not isinstance(nemesis, Nemesis):
        raise TypeError(nemesis)
    secs = nemesis.converged_secs
    return [
        Figure("kills", nemesis.kills, "kills", 1),
        Figure("random kills amid a switch", nemesis.kills_amid, "kills", 1),
        Figure("switches carried out", nemesis.switches, "switches", 1),
        Figure("events lost or doubled, routes not as decided", len(wrong), "problems", 1, "0"),
        median_figure("successor's start to routes = state, median", secs, "s"),
        Figure("the same, p95", statistics.quantiles(secs, n=20)[-1], "s", len(secs)),
        Figure("the same, worst", max(secs), "s", len(secs), "≤ 5"),
    ]


if __name__ == "__main__":
    sys.exit(main())
