"""The recipes' options are accepted, and their scripts do what the recipes say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from failover.outbound.options import read_command
from tests.conftest import missing_layer
from tests.functional.failover.executors.branch import Branch
from tests.functional.failover.recipe_boxes import RECIPES, OpnSense, RouterOs, blocks

NAMES = sorted(file.stem for file in RECIPES.glob("*.md"))
EX_CONFIG = 78


class Script:
    """A script of a recipe; ``run`` returns its exit status and output."""

    def __init__(self, folder: Path, text: str, **environment: str) -> None:
        for program in ("curl", "jq"):
            if shutil.which(program) is None:
                missing_layer(f"needs {program}: apt-get install {program}")
        self._file = folder / "script"
        self._file.write_text(text)
        self._file.chmod(0o755)
        self.environment = {"PATH": os.environ["PATH"], **environment}

    def run(self, *words: str, path: str = "lte", **more: str) -> tuple[int, str]:
        done = subprocess.run(
            [str(self._file), *words], capture_output=True, text=True, timeout=60, check=False,
            env={**self.environment, "PATHWARDEN_TO_PATH": path, **more},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_options_of_a_recipe_are_accepted(name: str) -> None:
    found = [read_command(json.loads(text)) for text in blocks(name, "json")]
    assert found
    assert all(line.verify for line in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_that_it_was_not_tested_on_a_box(name: str) -> None:
    assert "no such box was at hand" in (RECIPES / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_scripts_are_whole(name: str) -> None:
    for text in blocks(name, "sh"):
        subprocess.run(["sh", "-n"], input=text, text=True, check=True, timeout=20)


class TestRouterOs:
    @pytest.fixture
    def box(self, tmp_path: Path) -> Iterator[RouterOs]:
        box = RouterOs()
        (tmp_path / "curl").write_text('user = "pathwarden:secret"\n')
        with box.serving() as url:
            self.script = Script(
                tmp_path, blocks("routeros", "sh")[0],
                ROUTEROS_URL=url, ROUTEROS_CURL=str(tmp_path / "curl"),
            )  # fmt: skip
            yield box

    def test_a_switch_prefers_the_new_route_before_the_old_one_is_put_back(
        self, box: RouterOs
    ) -> None:
        assert self.script.run("switch") == (0, "pathwarden lte has distance 10\n")
        assert box.distances() == {
            "pathwarden fibre": "20", "pathwarden lte": "10",
            "somebody else's": "30", "pathwarden office": "1",
        }  # fmt: skip
        changed = [path for method, path in box.asked if method == "PATCH"]
        assert changed == ["/rest/ip/route/*2", "/rest/ip/route/*1"]
        assert self.script.run("verify") == (0, "active: pathwarden lte\n")
        assert self.script.run("switch")[0] == 0

    def test_what_the_router_does_not_use_is_not_verified(self, box: RouterOs) -> None:
        status, said = self.script.run("verify")
        assert status == 1
        assert "uses 'pathwarden fibre', not 'pathwarden lte'" in said

    def test_a_refusal_is_tried_again(self, box: RouterOs) -> None:
        box.refuses = "*1"
        assert self.script.run("switch")[0] not in {0, EX_CONFIG}

    def test_a_path_without_a_route_is_not(self, box: RouterOs) -> None:
        status, said = self.script.run("switch", path="radio")
        assert status == EX_CONFIG
        assert "'pathwarden radio'" in said
        assert self.script.run()[0] == EX_CONFIG


class TestOpnSense:
    @pytest.fixture
    def box(self, tmp_path: Path) -> Iterator[OpnSense]:
        box = OpnSense()
        (tmp_path / "curl").write_text('user = "key:secret"\n')
        with box.serving() as url:
            self.script = Script(
                tmp_path, blocks("pfsense-opnsense", "sh")[0],
                OPNSENSE_URL=url, OPNSENSE_CURL=str(tmp_path / "curl"),
            )  # fmt: skip
            yield box

    def test_a_switch_is_applied_and_verified(self, box: OpnSense) -> None:
        assert self.script.run("switch") == (0, "LTE_GW has priority 10\n")
        assert box.default == "LTE_GW"
        assert self.script.run("verify") == (0, "default: LTE_GW\n")
        assert self.script.run("switch", path="fibre")[0] == 0
        assert box.default == "WAN_GW"

    def test_what_is_not_the_default_is_not_verified(self, box: OpnSense) -> None:
        status, said = self.script.run("verify")
        assert status == 1
        assert "is 'WAN_GW', not 'LTE_GW'" in said

    def test_a_gateway_that_was_never_saved_is_named_and_nothing_applied(
        self, box: OpnSense
    ) -> None:
        box.uuids["LTE_GW"] = "LTE_GW"
        status, said = self.script.run("switch")
        assert status == EX_CONFIG
        assert "no saved gateway LTE_GW" in said
        assert all(method == "GET" for method, _ in box.asked)

    def test_an_unknown_path_is_not_tried_again(self, box: OpnSense) -> None:
        assert self.script.run("switch", path="radio")[0] == EX_CONFIG


UBUS = """#!/bin/sh
case $2 in network.interface.wan) n=1 ;; network.interface.wanb) n=2 ;; *) exit 4 ;; esac
echo $n
"""
JSONFILTER = """#!/bin/sh
read -r n
case $2 in @.up) echo true ;; @.l3_device) echo wan$n ;; @.route*) echo 10.$n.0.1 ;; esac
"""


@pytest.mark.root
class TestOpenWrt:
    @pytest.fixture
    def script(self, tmp_path: Path) -> Script:
        tools = tmp_path / "tools"
        tools.mkdir()
        for name, text in (("ubus", UBUS), ("jsonfilter", JSONFILTER)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        script = Script(tmp_path, blocks("openwrt", "sh")[0])
        script.environment["PATH"] = f"{tools}:{os.environ['PATH']}"
        return script

    def test_the_route_of_metric_1_moves_and_netifds_own_stay(self, script: Script) -> None:
        branch = Branch()
        try:
            branch.router.ip("route add default via 10.1.0.1 dev wan1 metric 10")
            branch.router.ip("route add default via 10.2.0.1 dev wan2 metric 20")
            with branch.router.inside():
                for name, device in (("wanb", "wan2"), ("wan", "wan1"), ("wan", "wan1")):
                    status, said = script.run(SSH_ORIGINAL_COMMAND=f"switch {name}")
                    assert (status, f"dev {device}" in said) == (0, True), said
                wrong = script.run(SSH_ORIGINAL_COMMAND="verify wanb")
            routes = [row for row in branch.routes() if row.startswith("default")]
        finally:
            branch.close()
        assert routes == [
            "default via 10.1.0.1 dev wan1 metric 1",
            "default via 10.1.0.1 dev wan1 metric 10",
            "default via 10.2.0.1 dev wan2 metric 20",
        ]
        assert wrong[0] == 1
        assert "not one over wan2" in wrong[1]

    @pytest.mark.parametrize("command", ["", "reboot", "switch lan", "switch wan; reboot", "x wan"])
    def test_nothing_else_can_be_ordered(self, script: Script, command: str) -> None:
        assert script.run(SSH_ORIGINAL_COMMAND=command)[0] == EX_CONFIG
