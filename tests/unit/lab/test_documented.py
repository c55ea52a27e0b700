"""What the lab can do stands in its document."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tests.lab.demo import KEYS
from tests.lab.faults import FAULTS
from tests.lab.impairment import Impairment

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "lab.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("setting", [field.name for field in fields(Impairment)])
def test_every_setting_of_a_line_is_described(setting: str) -> None:
    assert f"`{setting}`" in PAGE


def test_every_key_of_the_demo_is_one_letter_for_a_known_fault() -> None:
    assert all(len(key) == 1 and key.islower() for key in KEYS)
    assert set(KEYS.values()) <= set(FAULTS)
