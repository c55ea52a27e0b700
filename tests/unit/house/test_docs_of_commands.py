"""Commands, settings, make targets and units: documented as they are, and only those that exist."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import find_commands, get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.unit.house.repository import (
    ROOT,
    chapter,
    fences,
    in_backticks,
    name_of,
    page,
    table_rows,
    tracked,
)

OUR_APPS = ("sdwan_site", "health", "failover", "export")
READERS_OF_THE_ENVIRONMENT = ("sdwan_site/settings.py", "sdwan_site/first_start.py")
UNITS = [path for path in tracked(".service") if "deploy" in path.parts]


@cache
def our_commands() -> dict[str, str]:
    """Command -> app."""
    return {
        command: app
        for app in OUR_APPS
        for command in find_commands(str(Path(apps.get_app_config(app).path) / "management"))
    }


def options_of(command: BaseCommand, name: str) -> set[str]:
    """Every option string and every positional argument."""
    found: set[str] = set()
    for action in command.create_parser("manage.py", name)._actions:
        if not isinstance(action, argparse._HelpAction):
            found |= set(action.option_strings or [action.dest])
    return found


def chapter_of(command: str) -> str:
    return chapter(page("docs/commands.md"), f"### {command}")


# --- settings ----------------------------------------------------------------------


@cache
def settings_in_code() -> dict[str, ast.Call]:
    """Variable -> the call that reads it."""
    calls = {}
    for name in READERS_OF_THE_ENVIRONMENT:
        for node in ast.walk(ast.parse(page(name))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id.startswith("env_"):
                variable = node.args[0]
                assert isinstance(variable, ast.Constant), "names of variables are literals"
                assert isinstance(variable.value, str)
                calls[variable.value] = node
    return calls


def settings_in_documentation() -> dict[str, list[str]]:
    return {in_backticks(row[0])[0]: row for row in table_rows(page("docs/settings.md"))}


def test_exactly_the_variables_that_are_read_are_documented() -> None:
    assert settings_in_documentation().keys() == settings_in_code().keys()


def test_a_variable_is_described_with_default_meaning_and_example() -> None:
    for name, cells in settings_in_documentation().items():
        assert len(cells) == 4, name
        assert all(cells), f"{name} lacks a default, a meaning or an example"


def test_the_documented_default_is_that_of_the_code() -> None:
    documented = settings_in_documentation()
    for name, call in settings_in_code().items():
        for default in call.args[1:]:
            if isinstance(default, ast.Constant) and isinstance(default.value, str):
                assert f"`{default.value}`" in documented[name][1], name


def test_nothing_else_reads_the_environment() -> None:
    allowed = {
        "sdwan_site/env.py",
        "sdwan_site/wsgi.py",  # names the settings
        "manage.py",
        "sdwan_site/management/commands/cluster.py",  # Q_CLUSTER_NAME, for django-q2
        "sdwan_site/processes/supervisor.py",  # hands it to its children
        "failover/outbound/child.py",  # hands PATH and LANG to its child
        "export/views.py",  # PROMETHEUS_MULTIPROC_DIR, of prometheus_client
    }
    readers = {
        name_of(path)
        for path in tracked(".py")
        if path.relative_to(ROOT).parts[0] in {*OUR_APPS, "manage.py"}
        and re.search(r"os\.(environ|getenv)", path.read_text(encoding="utf-8"))
    }
    assert readers <= allowed


def test_the_example_of_the_environment_names_existing_variables_only() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", page("deploy/env.example"), flags=re.MULTILINE)
    assert named
    assert {name.removesuffix("_FILE") for name in named} <= settings_in_code().keys()


# --- commands ------------------------------------------------------------------------


def test_exactly_our_commands_are_documented() -> None:
    documented = re.findall(r"^### (\w+)$", page("docs/commands.md"), flags=re.MULTILINE)
    assert sorted(documented) == sorted(our_commands())


def test_a_command_is_documented_with_exactly_its_options() -> None:
    everybodys = options_of(BaseCommand(), "any")
    for name, app in our_commands().items():
        ours = options_of(load_command_class(app, name), name) - everybodys
        documented = {
            option for row in table_rows(chapter_of(name)) for option in in_backticks(row[0])
        }
        assert documented == ours, f"docs/commands.md, chapter {name}"


def test_a_command_is_documented_with_its_exit_codes() -> None:
    for name in our_commands():
        assert "Exit codes: 0 " in chapter_of(name), f"docs/commands.md, chapter {name}"


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", page("Makefile"), flags=re.MULTILINE))


def test_exactly_the_make_targets_are_documented() -> None:
    rows = table_rows(chapter(page("docs/commands.md"), "## make"))
    assert {in_backticks(row[0])[0] for row in rows} == {f"make {name}" for name in make_targets()}


@pytest.mark.parametrize("document", [name_of(path) for path in tracked(".md")])
def test_a_line_to_type_names_what_exists(document: str) -> None:
    for line in "\n".join(fences(page(document), "console")).splitlines():
        for target in re.findall(r"^make (\w+)", line):
            assert target in make_targets(), f"{document}: {line}"
        for command in re.findall(r"manage\.py ([a-z_]+)", line):
            assert command in get_commands(), f"{document}: {line}"
        for folder in re.findall(r"(?:^| )((?:tests|deploy|docs)/[\w./-]+)", line):
            assert (ROOT / folder).exists(), f"{document}: {line}"


# --- units ----------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists_with_its_options(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    line = re.findall(r"^ExecStart=/opt/pathwarden/\.venv/bin/python (.+)$", text, re.MULTILINE)
    assert len(line) == 1
    program, *arguments = line[0].split()
    if program == "manage.py":
        name, *options = arguments
        app = our_commands()[name]
        values = [option.replace("${PATHWARDEN_VANTAGE}", "local") for option in options]
        load_command_class(app, name).create_parser("manage.py", name).parse_args(values)
    else:
        assert arguments[:2] == ["gunicorn", "sdwan_site.wsgi:application"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_may_do_no_more_than_it_needs(unit: Path) -> None:
    lines = unit.read_text(encoding="utf-8").splitlines()
    probes = unit.stem in {"pathwarden-vantage", "pathwarden-monitor"}
    capabilities = "CAP_NET_RAW CAP_NET_ADMIN" if probes else ""
    assert f"CapabilityBoundingSet={capabilities}" in lines
    assert ("AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN" in lines) == probes
    assert ("LimitNOFILE=65536" in lines) == probes
    for wanted in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "KillMode=mixed",
        "Restart=always",
        "TimeoutStopSec=20",
        "User=pathwarden",
    ):
        assert wanted in lines, wanted


def test_every_unit_is_explained() -> None:
    assert len(UNITS) == 4
    for unit in UNITS:
        assert f"| `{unit.stem}` |" in page("docs/deployment.md")
