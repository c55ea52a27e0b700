"""S0 and X3: memory of the whole product and of each further path; reading the current health.

The product is ``manage.py up``: supervisor, web, housekeeping, monitor. Memory is the
proportional set size of all its processes (smaps_rollup), so shared pages count once.
Packages that only development brings are hidden from it: Django REST framework, structlog
and others import what they find, 15 to 30 MB that an operator does not have.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import signal
import socket
import subprocess
import sys
import timeit
import tomllib
import urllib.request
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench.probing.bare_engine import CountingProber, path_specs, turn_for
from bench.probing.installation import ROOT, Installation, wait_for
from bench.probing.network import enter_private_network, loopback_addresses
from bench.report import Figure, median_figure, report
from health.engine.loop import ProbeEngine

FEW, MANY = 20, 1_020
READS = 200_000


def main() -> None:
    """Two products after one another, then the reads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settle-secs", type=float, default=80.0, help="windows must be full")
    options = parser.parse_args()
    enter_private_network()
    small, processes = _product_bytes(FEW, options.settle_secs)
    large, _ = _product_bytes(MANY, options.settle_secs)
    per_path = (large - small) / (MANY - FEW) / 1e3
    report(
        "memory",
        [
            median_figure(f"S0 whole product, {FEW} paths (PSS)", [small / 1e6], "MB", "≤ 350"),
            median_figure("S0 its processes", [float(processes)], ""),
            median_figure(f"S0 whole product, {MANY:,} paths (PSS)", [large / 1e6], "MB"),
            median_figure("S0 each further path", [per_path], "kB", "≤ 50"),
            *_read_figures(),
        ],
    )


def _product_bytes(paths: int, settle_secs: float) -> tuple[int, int]:
    """(PSS in bytes, number of processes) of a product that measures ``paths`` paths."""
    with Installation(paths, profile="balanced") as place:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        with place.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port)],
                env={
                    **place.environment,
                    "PATHWARDEN_ADMIN_PASSWORD": "a password for a bench",
                    "PYTHONPATH": str(_without_development(place.directory / "python")),
                },
                cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            place.await_measured(patience_secs=120)
            deadline = timeit.default_timer() + settle_secs
            wait_for(lambda: _visit(port) and timeit.default_timer() > deadline, "settling", 300)
            family = [psutil.Process(process.pid)]
            family += family[0].children(recursive=True)
            return _sum_up(family), len(family)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _without_development(directory: Path) -> Path:
    """A folder that, first on Python's path, hides what ``make run`` does not install."""
    directory.mkdir()
    wanted = _what_the_product_needs()
    hidden = [
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not wanted & {canonicalize_name(owner) for owner in owners}
    ]
    (directory / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({hidden}))\n"
    )
    return directory


def _what_the_product_needs() -> set[str]:
    """Names of all packages that pip installs for the product alone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, set[str]] = {}  # with the extras that have been followed
    waiting = [Requirement(text) for text in project["dependencies"]]
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        extras = {"", *needed.extras} - found.setdefault(name, set())
        found[name] |= extras
        waiting += [
            one
            for one in map(Requirement, importlib.metadata.requires(name) or [])
            if extras
            and (one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras))
        ]
    # dnspython looks for idna's metadata, which cannot be hidden, and then insists on it.
    return {"pathwarden", "pip", "setuptools", "idna", *found}


def _visit(port: int) -> bool:
    """The web process has done some work, as it has in life."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
        return bool(answer.status == 200)


def _sum_up(family: list[psutil.Process]) -> int:
    """Print what each process has, the largest first; returns the sum in bytes."""
    each = sorted(((_pss_bytes(member.pid), member) for member in family), key=lambda one: -one[0])
    for size, member in each:
        words = [word for word in member.cmdline() if not word.startswith("/")]
        print(f"  {size / 1e6:7.1f} MB  {' '.join(words)[:90]}")
    return sum(size for size, _ in each)


def _pss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} tells no PSS")


def _read_figures() -> list[Figure]:
    prober = CountingProber()
    engine = ProbeEngine({"icmp": prober})
    engine.configure(path_specs(loopback_addresses(1_000), 100))
    turn_for(engine, 5)
    readings, key = engine.readings, 500
    times = timeit.repeat(lambda: readings[key].score, number=READS, repeat=7)
    bare = {one: readings[one] for one in readings}
    plain = timeit.repeat(lambda: bare[key].score, number=READS, repeat=7)
    empty = timeit.repeat(lambda: key, number=READS, repeat=7)
    prober.close()

    def without_call(measured: list[float]) -> list[float]:
        return [(secs - min(empty)) / READS * 1e9 for secs in measured]

    return [
        median_figure("X3 engine.readings[key].score", without_call(times), "ns", "< 100"),
        median_figure("X3 the same from a plain dict", without_call(plain), "ns"),
        median_figure("X3 a call of nothing, taken off", [min(empty) / READS * 1e9], "ns"),
    ]


if __name__ == "__main__":
    main()
