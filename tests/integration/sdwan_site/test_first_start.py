"""What a new installation gets before it starts, and that a second start changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from health.models import Vantage
from sdwan_site import first_start
from sdwan_site.models import User

pytestmark = pytest.mark.django_db


def test_the_first_administrator_gets_the_password_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATHWARDEN_ADMIN_PASSWORD", "correct horse battery")
    made = first_start.ensure_administrator()
    assert made == first_start.NewAdministrator("admin", "correct horse battery")
    user = User.objects.get(username="admin")
    assert user.check_password("correct horse battery")
    assert user.is_superuser
    assert list(user.groups.all()) == [Group.objects.get(name="admin")]


def test_without_one_a_password_is_made_up_and_differs_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PATHWARDEN_ADMIN_PASSWORD", raising=False)
    first = first_start.ensure_administrator()
    User.objects.all().delete()
    second = first_start.ensure_administrator()
    assert first is not None
    assert second is not None
    assert first.password != second.password
    assert len(first.password) >= 12


def test_a_second_start_makes_no_second_administrator() -> None:
    first_start.ensure_administrator()
    assert first_start.ensure_administrator() is None


def test_the_probe_host_of_this_installation_exists_after_the_first_start() -> None:
    first = first_start.ensure_vantage("branch-7")
    assert first_start.ensure_vantage("branch-7") == first
    assert Vantage.objects.get(name="branch-7").site.name


def test_static_files_are_collected_once(tmp_path: Path, settings: Any) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    assert first_start.ensure_static_files()
    assert list((tmp_path / "static" / "sdwan_site").glob("*.css"))
    assert not first_start.ensure_static_files()
