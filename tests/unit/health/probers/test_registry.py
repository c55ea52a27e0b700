"""The table of kinds is complete and consistent."""

from __future__ import annotations

from pathlib import Path

import pytest

from health.probers import PROBERS

DOCS = Path(__file__).parents[4] / "docs" / "probers.md"


@pytest.mark.parametrize("kind", PROBERS)
def test_a_kind_with_ports_has_a_default_port_and_no_other_has(kind: str) -> None:
    row = PROBERS[kind]
    assert row.needs_port == (row.default_port is not None)


@pytest.mark.parametrize("kind", PROBERS)
def test_a_kind_is_explained_to_people(kind: str) -> None:
    assert PROBERS[kind].label
    assert PROBERS[kind].help.endswith(".")


@pytest.mark.parametrize("kind", PROBERS)
def test_a_kind_has_a_chapter_in_the_documentation(kind: str) -> None:
    assert f"\n## `{kind}`" in DOCS.read_text(encoding="utf-8")


def test_stamp_probes_the_port_of_the_standard_unless_told_otherwise() -> None:
    assert PROBERS["stamp"].default_port == 862
