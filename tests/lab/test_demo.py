"""``make lab-demo``, driven through its standard input as by a person's keys."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable

import pytest

from tests.lab.two_providers import ROOT

pytestmark = [pytest.mark.root, pytest.mark.lab_all]
PATIENCE_SECS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(condition: Callable[[], bool], said: list[str]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECS
    while not condition():
        assert time.monotonic() < give_up_at, "".join(said)
        time.sleep(0.2)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as page:
            return bool(page.status == 200)
    except OSError:
        return False


def test_the_console_is_reached_from_this_host_and_a_key_moves_real_traffic() -> None:
    port = free_port()
    demo = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo", "--port", str(port)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, bufsize=1,
    )  # fmt: skip
    assert demo.stdin is not None
    assert demo.stdout is not None
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(demo.stdout or []))
    listener.start()
    try:
        wait(lambda: answers(port), said)
        wait(lambda: any("leave by wan1" in line for line in said), said)
        time.sleep(10)  # warm: evidence needs 30 probes of each path
        demo.stdin.write("b")
        demo.stdin.flush()
        wait(lambda: any("leave by wan2" in line for line in said), said)
        demo.stdin.write("q")
        demo.stdin.flush()
        assert demo.wait(60) == 0
    finally:
        demo.kill()
        demo.wait()
        listener.join()
        demo.stdin.close()
        demo.stdout.close()
    assert any("wan1 → wan2" in line for line in said)
