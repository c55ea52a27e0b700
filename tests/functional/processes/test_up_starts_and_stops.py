"""``manage.py up``: what a visitor sees, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.functional.processes.product import ROOT, Product, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


def test_it_prints_the_address_and_the_password_once(product: Product) -> None:
    wait_until(lambda: "is running" in product.log.read_text(), "the address", 30)
    text = product.log.read_text()
    assert f"http://127.0.0.1:{product.port}/" in text
    assert text.count("a password for tests") == 1


def test_no_process_shows_the_password_in_its_arguments_or_environment(tmp_path: Path) -> None:
    running = Product(tmp_path)
    del running.environment["PATHWARDEN_ADMIN_PASSWORD"]
    running.start()
    told = "(shown once)"
    wait_until(lambda: told in running.log.read_text(), "the password", 120, log=running.log)
    (line,) = [line for line in running.log.read_text().splitlines() if told in line]
    password = line.split()[1]
    assert running.process is not None
    for process in [psutil.Process(running.process.pid), *running.family()]:
        assert password not in " ".join(process.cmdline())
        assert password not in process.environ().values()
    assert running.stop() == []


def test_the_supervisor_has_let_go_of_django(product: Product) -> None:
    assert product.process is not None
    supervisor = psutil.Process(product.process.pid)
    (web,) = product.child("gunicorn").children()
    assert supervisor.memory_full_info().uss < web.memory_full_info().uss / 3


def test_the_six_stamp_paths_and_the_two_pings_have_figures_or_a_cure(product: Product) -> None:
    wait_until(lambda: product.measured_after(0), "measurements", 60)
    rows = product.query(
        "SELECT p.kind, c.status, c.reason, c.latency_ms, c.detail"
        " FROM sdwan_path_current c JOIN sdwan_paths p ON p.id = c.path_id"
    )
    assert len(rows) == 8
    for kind, status, reason, latency_ms, detail in rows:
        if reason == "permission":
            assert kind == "icmp"
            assert status == "unknown"
            assert "ping_group_range" in detail
        else:
            assert latency_ms > 0


def test_a_path_is_probed_now_by_the_cluster_of_its_probe_host(product: Product) -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "token", "admin", "--scope", "operate"],
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    headers = {"Authorization": f"Token {made.stdout.split()[-1]}", "Accept": "application/json"}

    def call(address: str, method: str = "GET") -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{product.port}{address}", headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    # Of a STAMP path that nothing impairs: it needs no permission here.
    ((path_id,),) = product.query("SELECT MIN(id) FROM sdwan_paths WHERE kind = 'stamp'")
    wait_until(lambda: product.lease()[0], "a lease", 60)
    url = call(f"/api/v1/paths/{path_id}/probe/", "POST")["url"]
    ended = ("done", "failed", "expired")
    wait_until(lambda: call(url)["state"] in ended, "the end of the order", 60, log=product.log)
    result = call(url)
    assert (result["state"], result["vantage"], result["sent"]) == ("done", "local", 3), result


def test_a_second_monitor_is_refused_and_told_who_holds_the_lease(product: Product) -> None:
    wait_until(lambda: product.lease()[0], "a lease", 60)
    refused = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "monitor", "--seconds", "5"],
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert f"process {product.lease()[0]} on" in refused.stderr


def test_a_busy_port_is_an_error_that_names_the_cure(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port)],
            env={**os.environ, "PATHWARDEN_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr
    assert "--port" in refused.stderr


def test_ctrl_c_in_a_terminal_leaves_no_process(tmp_path: Path) -> None:
    running = Product(tmp_path)
    running.start()
    assert running.process is not None
    wait_until(
        lambda: running.answers() and running.measured_after(0), "a start", 120, log=running.log
    )
    family = running.family()
    os.killpg(running.process.pid, signal.SIGINT)  # what a terminal sends to the whole group
    assert running.process.wait(30) == 0
    assert running.survivors(family) == []
    assert running.query("SELECT holder FROM sdwan_monitor_leases") == [("",)]


def test_the_clusters_end_when_up_itself_is_killed(tmp_path: Path) -> None:
    running = Product(tmp_path)
    running.start()
    assert running.process is not None
    wait_until(lambda: running.answers() and running.lease()[0], "a start", 120, log=running.log)
    family = running.family()
    running.process.kill()
    running.process.wait(10)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert running.survivors(alive) == []
