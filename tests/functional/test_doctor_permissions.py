"""The doctor as a user whom the kernel forbids, or allows, to probe: in a namespace of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

ROOT = Path(__file__).parents[2]
WITHOUT = "-net_raw,-net_admin"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A migrated installation."""
    kept = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    made = {**kept, "PATHWARDEN_DATA_DIR": str(tmp_path_factory.mktemp("installation"))}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT, env=made, check=True, timeout=120,
    )  # fmt: skip
    return made


def icmp_finding(environment: dict[str, str], groups: str) -> dict[str, Any]:
    """What the doctor says about ICMP without capabilities and with those ping groups."""
    setup = f'ip link set lo up; echo "{groups}" > /proc/sys/net/ipv4/ping_group_range; exec "$@"'
    unprivileged = ["setpriv", "--inh-caps", WITHOUT, "--bounding-set", WITHOUT]
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", setup, "bash", *unprivileged,
         sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    findings = {one["check"]: one for one in json.loads(done.stdout)}
    found: dict[str, Any] = findings["icmp probes"]
    return found


def test_a_user_whom_nothing_allows_to_ping_gets_every_cure(environment: dict[str, str]) -> None:
    finding = icmp_finding(environment, "1 0")
    assert finding["verdict"] == "warning"
    assert finding["sentence"].startswith("Not possible for this user: ")
    assert f"setcap cap_net_raw+ep {os.path.realpath(sys.executable)} " in finding["cure"]
    assert 'ping_group_range="0 2147483647" (now "1 0"' in finding["cure"]


def test_unprivileged_echo_is_possible_and_said_to_be_unprivileged(
    environment: dict[str, str],
) -> None:
    finding = icmp_finding(environment, "0 2147483647")
    assert finding["verdict"] == "ok"
    assert finding["sentence"].startswith("Possible without privileges")
