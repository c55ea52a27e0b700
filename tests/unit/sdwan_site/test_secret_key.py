"""The secret key is made once, is private, and is the same for everybody who starts at once."""

from __future__ import annotations

import os
import secrets
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sdwan_site.secret_key import load_or_create_secret_key


def test_the_first_call_makes_a_long_key(tmp_path: Path) -> None:
    assert len(load_or_create_secret_key(tmp_path / "secret_key")) >= 50


def test_later_calls_read_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    assert load_or_create_secret_key(file) == load_or_create_secret_key(file)


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    assert load_or_create_secret_key(tmp_path / "a") != load_or_create_secret_key(tmp_path / "b")


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    load_or_create_secret_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_data_directory_is_made_when_it_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "new" / "var" / "secret_key"
    assert load_or_create_secret_key(file) == file.read_text(encoding="ascii")


def test_nothing_but_the_key_is_left_behind(tmp_path: Path) -> None:
    load_or_create_secret_key(tmp_path / "secret_key")
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_whoever_is_second_takes_the_key_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret_key"
    first = "f" * 50
    make_key = secrets.token_urlsafe

    def overtaken(length: int) -> str:
        file.write_text(first, encoding="ascii")
        return make_key(length)

    monkeypatch.setattr(secrets, "token_urlsafe", overtaken)
    assert load_or_create_secret_key(file) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_key_that_was_cut_short_is_refused_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text("short\n", encoding="ascii")
    with pytest.raises(ImproperlyConfigured, match="too short; delete the file"):
        load_or_create_secret_key(file)


def test_a_place_that_can_not_be_written_is_named_with_the_cure(tmp_path: Path) -> None:
    nowhere = tmp_path / "var"
    nowhere.symlink_to(tmp_path / "unmounted" / "disk")
    with pytest.raises(ImproperlyConfigured) as caught:
        load_or_create_secret_key(nowhere / "secret_key")
    assert str(nowhere / "secret_key") in str(caught.value)
    assert "make PATHWARDEN_DATA_DIR writable" in str(caught.value)


def test_many_processes_that_start_at_once_get_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Threads in the place of processes, each with a number of its own.
    monkeypatch.setattr(os, "getpid", threading.get_ident)
    together = threading.Barrier(8)

    def start() -> str:
        together.wait(timeout=10)
        return load_or_create_secret_key(tmp_path / "secret_key")

    with ThreadPoolExecutor(8) as pool:
        keys = {future.result() for future in [pool.submit(start) for _ in range(8)]}
    assert len(keys) == 1


def test_a_key_that_is_no_readable_file_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "secret_key").mkdir()
    with pytest.raises(ImproperlyConfigured, match=r"secret_key can't be read.*SECRET_KEY_FILE"):
        load_or_create_secret_key(tmp_path / "secret_key")


def test_a_new_data_directory_is_private(tmp_path: Path) -> None:
    load_or_create_secret_key(tmp_path / "var" / "secret_key")
    assert (tmp_path / "var").stat().st_mode & 0o077 == 0
