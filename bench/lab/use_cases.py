"""All use cases of the lab, many times over: ``python -m bench lab``.

One good run of a test that waits for a network proves little. Each round runs all of them in
random order, some labs side by side; what failed is kept with its full output. The rounds'
times say how busy the machine was, they judge nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from bench.report import RESULTS, Figure, report

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 20


class Tally:
    """What became of each test, over all rounds."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.secs: dict[str, list[float]] = {}

    def add(self, file: Path) -> None:
        """The results of one round, as pytest's JUnit file has them."""
        for case in ET.parse(file).iter("testcase"):
            name = case.attrib["name"]
            if case.find("skipped") is not None:
                continue
            bad = case.find("failure") is not None or case.find("error") is not None
            (self.failed if bad else self.passed)[name] += 1
            self.secs.setdefault(name, []).append(float(case.attrib["time"]))


def main() -> int:
    """Run the rounds; returns 1 when any test of any round failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--labs", type=int, default=2, help="how many stand side by side")
    parser.add_argument("-k", default="", help="only tests that match, as with pytest")
    options = parser.parse_args()
    folder = RESULTS / f"lab-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    tally = Tally()
    for number in range(1, options.rounds + 1):
        _run_round(folder / f"round-{number}", options.labs, options.k)
        tally.add(folder / f"round-{number}.xml")
        print(f"round {number}: {sum(tally.failed.values())} failed so far", flush=True)
    _tell(tally, options.rounds, folder)
    return int(bool(tally.failed))


def _run_round(output: Path, labs: int, wanted: str) -> None:
    command = [
        sys.executable, "-m", "pytest", "tests/lab", "-q", "-n", str(labs),
        "-p", "no:cacheprovider", f"--junitxml={output}.xml", *(["-k", wanted] if wanted else []),
    ]  # fmt: skip
    environment = {**os.environ, "PATHWARDEN_LAB": "all"}
    with output.with_suffix(".out").open("wb") as file:
        subprocess.run(
            command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
        )


def _tell(tally: Tally, rounds: int, folder: Path) -> None:
    names = sorted(tally.secs)
    for name in names:
        secs = sorted(tally.secs[name])
        print(
            f"  {tally.passed[name]:>3} of {len(secs):>3}   median {secs[len(secs) // 2]:5.1f} s, "
            f"longest {secs[-1]:5.1f} s   {name}"
        )
    results = {
        name: {
            "passed": tally.passed[name],
            "failed": tally.failed[name],
            "secs": tally.secs[name],
        }
        for name in names
    }
    (folder / "tests.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    failed = float(sum(tally.failed.values()))
    report(
        "lab",
        [
            Figure("use cases and checks of the lab", len(names), "tests", rounds),
            Figure("runs that passed", sum(tally.passed.values()), "runs", rounds),
            Figure("runs that failed", failed, "runs", rounds, "0"),
        ],
    )
    print(f"  everything the tests said: {folder}")


if __name__ == "__main__":
    sys.exit(main())
