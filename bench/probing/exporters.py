"""The engine beside the exporters of Prometheus, from their Debian packages.

smokeping_prober probes 300 loopback targets at 1 Hz by itself; blackbox_exporter makes
one ICMP probe for each scrape. Both run as they are packaged: see ``--version``
in the table, newer releases may differ.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.probing import peers
from bench.probing.cpu_time import cpu_of, run_measured
from bench.probing.installation import wait_for
from bench.probing.network import echo_counts, enter_private_network, loopback_addresses
from bench.report import median_figure, report

SMOKEPING = "prometheus-smokeping-prober"
BLACKBOX = "prometheus-blackbox-exporter"
BLACKBOX_CONFIG = "modules: {icmp: {prober: icmp, timeout: 2s}}\n"
SCRAPERS = 50


def main() -> None:
    """Rounds of all three in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    peers.need(SMOKEPING, BLACKBOX)
    enter_private_network()
    seen: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        seen["engine, 300 targets"].append(_engine(300, options.seconds))
        seen["smokeping, 300 targets"].append(_smokeping(300, options.seconds))
        seen["engine, 1,000 targets"].append(_engine(1_000, options.seconds))
        seen["blackbox, 1,000 scrapes"].append(_blackbox(1_000))
    names = {
        "smokeping, 300 targets": f"{_short_version(SMOKEPING)}, 300 targets 1 Hz",
        "blackbox, 1,000 scrapes": f"{_short_version(BLACKBOX)}, 1,000 probes",
    }
    report(
        "exporters",
        [
            *(
                median_figure(names.get(name, f"bare {name} 1 Hz"), values, "µs/probe")
                for name, values in seen.items()
            ),
            median_figure(
                "smokeping_prober / engine, 300 targets",
                _ratios(seen["smokeping, 300 targets"], seen["engine, 300 targets"]),
                "×",
            ),
            median_figure(
                "blackbox_exporter / engine, 1,000 probes",
                _ratios(seen["blackbox, 1,000 scrapes"], seen["engine, 1,000 targets"]),
                "×",
            ),
        ],
    )


def _ratios(theirs: list[float], ours: list[float]) -> list[float]:
    return [a / b for a, b in zip(theirs, ours, strict=True)]


def _short_version(program: str) -> str:
    """ "blackbox_exporter 0.23.0" from its long line."""
    words = peers.version_of(program).replace(",", "").split()
    return f"{words[0]} {words[2]}"


def _engine(targets: int, secs: float) -> float:
    _, told, error = run_measured(
        sys.executable, "-m", "bench.probing.bare_engine", f"--seconds={secs}",
        stdin="\n".join(loopback_addresses(targets)),
    )  # fmt: skip
    if not told:
        raise RuntimeError(f"the engine failed: {error[-2000:]}")
    done = json.loads(told)
    return float(done["cpu_secs"] / done["sent"] * 1e6)


def _smokeping(targets: int, secs: float) -> float:
    """CPU µs per probe of its steady state."""
    port = _free_port()
    command = [
        SMOKEPING, f"--web.listen-address=127.0.0.1:{port}", "--ping.interval=1s",
        *loopback_addresses(targets),
    ]  # fmt: skip
    with _running(command, port) as pid:
        time.sleep(3)
        counted, before = echo_counts(), cpu_of(pid)
        time.sleep(secs)
        probes = echo_counts().since(counted).requests
        return cpu_of(pid).since(before).all_threads / probes * 1e6


def _blackbox(probes: int) -> float:
    """CPU µs per probe; the scraping is not counted."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "blackbox.yml"
        config.write_text(BLACKBOX_CONFIG)
        command = [
            BLACKBOX, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
        ]  # fmt: skip
        with _running(command, port) as pid:
            counted, before = echo_counts(), cpu_of(pid)
            with ThreadPoolExecutor(SCRAPERS) as pool:
                good = sum(pool.map(lambda host: _scrape(port, host), loopback_addresses(probes)))
            if good != probes:
                raise RuntimeError(f"only {good} of {probes} probes of {BLACKBOX} succeeded")
            made = echo_counts().since(counted).requests
            return cpu_of(pid).since(before).all_threads / made * 1e6


def _scrape(port: int, host: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", f"/probe?module=icmp&target={host}")
        return b"\nprobe_success 1\n" in connection.getresponse().read()
    finally:
        connection.close()


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _listens(port), f"{command[0]} listens", 30)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
