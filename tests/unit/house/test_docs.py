"""The documentation says what the code does: names, numbers, options, links."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from export.metrics import METRICS
from failover.domain.strategies import STRATEGIES
from failover.executors import EXECUTORS
from failover.executors.base import PATHWARDEN_PROTOCOL
from failover.services import FIRST_RETRY_SECS, LONGEST_RETRY_SECS
from health.domain.liveness import DEAD_AFTER_RUN
from health.domain.path_spec import SlaLimits
from health.domain.scoring import health_score
from health.engine import target_monitor
from health.monitoring import database_thread, lease
from health.probers import PROBERS, tcp_pool
from health.selectors.current import STALE_ROW_SECS
from sdwan_site import demo
from sdwan_site.processes import canary, cluster, supervisor
from tests.unit.house.repository import (
    ROOT,
    anchors,
    chapter,
    in_backticks,
    name_of,
    page,
    prose,
    table_rows,
    tracked,
)

PAGES = [name_of(path) for path in tracked(".md")]
profiles = importlib.import_module("health.migrations.0002_built_in_profiles")
roles = importlib.import_module("sdwan_site.migrations.0002_roles")


def documented_profiles(heading: str) -> dict[str, list[str]]:
    rows = table_rows(chapter(page("docs/concepts.md"), heading))
    return {in_backticks(row[0])[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("registry", "document"),
    [
        (PROBERS, "docs/probers.md"),
        (EXECUTORS, "docs/executors.md"),
        (STRATEGIES, "docs/failover.md"),
        (METRICS, "docs/metrics.md"),
    ],
    ids=["probers", "executors", "strategies", "metrics"],
)
def test_every_row_of_a_registry_is_described(registry: dict[str, Any], document: str) -> None:
    missing = [name for name in registry if f"`{name}`" not in page(document)]
    assert not missing, f"{document} says nothing about {', '.join(missing)}"


def test_every_probe_profile_is_described_with_its_numbers() -> None:
    documented = documented_profiles("## Probe profiles")
    assert documented == {
        name: [use, *map(str, numbers)] for name, use, *numbers in profiles.PROBE_PROFILES
    }


def test_every_sla_profile_is_described_with_its_numbers() -> None:
    documented = documented_profiles("## SLA profiles")
    assert documented == {
        name: [use, *map(str, numbers)] for name, use, *numbers in profiles.SLA_PROFILES
    }


def test_the_documented_scores_are_those_of_the_function() -> None:
    rows = table_rows(chapter(page("docs/concepts.md"), "## Score"))
    checked = 0
    for row in rows:
        for position, (value, score) in enumerate(zip(row[::3], row[1::3], strict=True)):
            if not value:
                continue
            measured = [0.0, 0.0, 0.0]
            measured[position] = float(value)
            latency_ms, packet_loss_pct, jitter_ms = measured
            expected = health_score(latency_ms, packet_loss_pct, jitter_ms, SlaLimits())
            assert expected == pytest.approx(float(score), abs=0.06)
            checked += 1
    assert checked == 13


def test_the_documented_hold_and_spacing_of_bursts_are_those_of_the_profiles() -> None:
    rows = table_rows(chapter(page("docs/engine.md"), "## Alive or dead"))
    documented = {
        in_backticks(name)[0]: (float(hold), float(burst)) for name, hold, burst, *_ in rows
    }
    assert documented == {
        name: (hold_ms / 1000, max(burst_ms, hold_ms / 10))
        for name, _, _, burst_ms, hold_ms, *_ in profiles.PROBE_PROFILES
    }


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("docs/architecture.md", f"| expires after | {lease.TTL_SECS:g} s without renewal |"),
        ("docs/architecture.md", f"| renewed every | {lease.RENEW_EVERY_SECS:g} s"),
        ("docs/architecture.md", f"stops acting after | {lease.SELF_FENCE_SECS:g} s"),
        ("docs/engine.md", f"**{DEAD_AFTER_RUN} suspects or losses in a row**"),
        ("docs/engine.md", f"| {target_monitor.SCORE_FROM_PROBES} settled probes | a score"),
        ("docs/engine.md", f"| {target_monitor.SCORE_FROM_PROBES_AFTER_DEATH} settled probes |"),
        ("docs/engine.md", f"{database_thread.MAX_WAITING_SAMPLES:,} samples"),
        ("docs/engine.md", f"{database_thread.MAX_WAITING_CHANGES:,} changes of status"),
        ("docs/engine.md", f"no monitor has renewed for {STALE_ROW_SECS:g} s"),
        ("docs/architecture.md", f"runs {settings.MONITOR_LOOP_SECS:,} s"),
        ("docs/architecture.md", f"task timeout of {settings.Q_CLUSTER['timeout']:,} s"),
        ("docs/architecture.md", f"retry of {settings.Q_CLUSTER['retry']:,} s"),
        ("docs/architecture.md", f"canary task every {cluster.CANARY_EVERY_SECS:g} s"),
        ("docs/architecture.md", f"come back for {cluster.CANARY_PATIENCE_SECS:g} s"),
        ("docs/architecture.md", f"{canary.PATIENCE_AFTER_TROUBLE_SECS:g} s after the broker"),
        ("docs/commands.md", f"{cluster.EXIT_UNHEALTHY} when the cluster has died inside"),
        ("docs/commands.md", f"after {supervisor.FIRST_PAUSE_SECS:g} s"),
        ("docs/commands.md", f"doubling to {supervisor.LONGEST_PAUSE_SECS:g} s"),
        ("docs/commands.md", f"not ended after {supervisor.STOP_SECS:g} s"),
        ("docs/executors.md", f"`proto {PATHWARDEN_PROTOCOL}`"),
        ("docs/executors.md", f"after {FIRST_RETRY_SECS:g} s"),
        ("docs/executors.md", f"at most {LONGEST_RETRY_SECS:g} s"),
        ("README.md", f"| {demo.CYCLE[0]['secs']} s | the reflector"),
        ("README.md", f"drop {demo.CYCLE[1]['loss_pct']} % of the packets"),
        ("README.md", f"| {demo.CYCLE[0]['secs'] + demo.CYCLE[1]['secs']} s | the loss ends"),
        ("docs/probers.md", f"At most {tcp_pool.MOST} connections"),
    ],
)
def test_a_number_of_the_code_stands_in_its_document(document: str, sentence: str) -> None:
    assert sentence in page(document)


def test_the_first_page_says_how_soon_a_blackhole_is_noticed() -> None:
    # Half an interval until a probe leaves, then the hold: the burst is over by then.
    _, _, said = page("README.md").partition("A blackhole is noticed")
    told = re.findall(r"([\d.]+) s with (?:the profile )?`(\w+)`", said.partition("Loss needs")[0])
    delays = {
        name: (interval_ms / 2 + hold_ms) / 1000
        for name, _, interval_ms, _, hold_ms, *_ in profiles.PROBE_PROFILES
    }
    assert {name: float(secs) for secs, name in told}.items() <= delays.items()
    assert len(told) == 5


def test_the_first_page_names_the_path_of_the_demo_that_loses_both_ways() -> None:
    (path,) = [path for path in demo.PATHS if path.loss_back_pct]
    assert (
        f"*{path.name}* loses {path.loss_pct:g} % on the way there "
        f"and {path.loss_back_pct:g} % on the way back"
    ) in page("README.md")


@pytest.mark.parametrize("role", roles.ROLES)
def test_every_role_has_a_column_in_the_matrix(role: str) -> None:
    head = next(line for line in page("docs/roles.md").splitlines() if line.startswith("| may "))
    assert role in [cell.strip() for cell in head.split("|")]


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    for target in links_of(name):
        file_name, _, anchor = target.partition("#")
        file = (ROOT / name).parent / file_name if file_name else ROOT / name
        assert file.exists() or is_picture(file), f"{name} links to {target}, which is not there"
        if anchor:
            known = anchors(file.read_text(encoding="utf-8"))
            assert anchor in known, f"{name} links to {target}; there is no such heading"


def links_of(name: str) -> list[str]:
    text = prose(page(name))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    found += re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    return [target for target in found if "://" not in target and not target.startswith("mailto:")]


def is_picture(file: Path) -> bool:
    """Pictures are made by `make screenshots`; a checkout may lack them."""
    return file.suffix == ".png" and file.parent == ROOT / "docs" / "images"


def test_every_document_is_in_the_index() -> None:
    index = page("docs/index.md")
    for name in PAGES:
        if name.startswith("docs/") and name != "docs/index.md":
            assert f"({Path(name).relative_to('docs')})" in index, (
                f"docs/index.md does not name {name}"
            )


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_is_named_exists(document: str) -> None:
    named = in_backticks(prose(page(document)))
    assert len(named) > 30
    for text in named:
        if not re.fullmatch(r"[\w.<>*-]+(/[\w.<>*-]*)+", text) or "::" in text:
            continue
        pattern = re.sub(r"<[^>]+>", "*", text).rstrip("/")
        found = any(ROOT.glob(pattern)) or any(ROOT.glob(f"*/{pattern}"))
        is_foreign = text.startswith("django_q/")
        assert found or is_foreign, f"{document} names {text}, which does not exist"


def test_every_package_stands_in_the_tree() -> None:
    tree = page("docs/architecture.md")
    packages = {
        f"{path.parent.relative_to(ROOT).as_posix()}/"
        for app in ("health", "failover", "export", "sdwan_site")
        for path in (ROOT / app).glob("*/__init__.py")
        if path in tracked("__init__.py") and path.parent.name not in {"migrations", "templatetags"}
    }
    missing = sorted(package for package in packages if f"| `{package}` |" not in tree)
    assert not missing, f"docs/architecture.md lacks {', '.join(missing)}"


def test_every_thread_of_the_monitor_stands_in_the_drawing() -> None:
    of_a_moment = {"successor"}
    named = {
        name
        for path in tracked(".py")
        if path.relative_to(ROOT).parts[0] in {"health", "failover"}
        for name in re.findall(r'Thread\([^)]*name="(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    drawn = set(re.findall(r"thread (\w+) ", page("docs/architecture.md")))
    assert named - of_a_moment <= drawn


def test_every_api_route_is_described() -> None:
    generator: Any = SchemaGenerator
    paths = generator().get_schema(request=None, public=True)["paths"]
    document = re.sub(r"\{\w+\}", "{id}", page("docs/api.md"))
    missing = []
    for path in paths:
        route = re.sub(r"\{\w+\}", "{id}", path.removeprefix("/api/v1/"))
        if route not in document:
            missing.append(route)
    assert paths
    assert not missing, f"docs/api.md says nothing about {', '.join(missing)}"
