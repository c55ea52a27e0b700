"""DATABASE_URL: two databases, percent-encoding, and readable refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from sdwan_site.database_url import POSTGRES_OPTIONS, SQLITE_OPTIONS, database_from_url

DEFAULT = Path("data") / "pathwarden.sqlite3"


def parsed(url: str) -> dict[str, Any]:
    return database_from_url(url, DEFAULT)


def test_no_url_means_sqlite_in_the_data_directory() -> None:
    assert parsed("")["ENGINE"] == "django.db.backends.sqlite3"
    assert parsed("")["NAME"] == str(DEFAULT)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///file.db", "file.db"),
        ("sqlite:////var/lib/pathwarden/db.sqlite3", "/var/lib/pathwarden/db.sqlite3"),
        ("sqlite:///with%20space.db", "with space.db"),
    ],
)
def test_a_sqlite_url_names_a_relative_or_absolute_file(url: str, name: str) -> None:
    assert parsed(url)["NAME"] == name


def test_sqlite_takes_the_write_lock_at_the_beginning_of_a_transaction() -> None:
    options = parsed("sqlite:///file.db")["OPTIONS"]
    assert options is SQLITE_OPTIONS
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_the_tests_never_use_the_database_of_the_product() -> None:
    for url in ("", "sqlite:///file.db"):
        database = parsed(url)
        assert database["TEST"]["NAME"] not in {"", ":memory:", database["NAME"]}


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgres_url_has_all_its_parts(scheme: str) -> None:
    database = parsed(f"{scheme}://warden:secret@db.example.net:5433/paths?sslmode=require")
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert database["USER"] == "warden"
    assert database["PASSWORD"] == "secret"
    assert database["HOST"] == "db.example.net"
    assert database["PORT"] == "5433"
    assert database["NAME"] == "paths"
    assert database["OPTIONS"] == {**POSTGRES_OPTIONS, "sslmode": "require"}


def test_a_postgres_url_may_leave_everything_but_the_name_to_the_defaults() -> None:
    database = parsed("postgres:///paths")
    assert (database["USER"], database["HOST"], database["PORT"]) == ("", "", "")
    assert database["NAME"] == "paths"


def test_special_characters_of_a_password_are_percent_encoded() -> None:
    assert parsed("postgres://u:p%40ss%2Fw%3Ard@h/n")["PASSWORD"] == "p@ss/w:rd"


def test_an_ipv6_address_stands_in_brackets() -> None:
    database = parsed("postgres://u:p@[2001:db8::1]:5432/n")
    assert (database["HOST"], database["PORT"]) == ("2001:db8::1", "5432")


def test_connections_to_postgres_are_kept_and_checked() -> None:
    database = parsed("postgres:///paths")
    assert database["CONN_HEALTH_CHECKS"] is True
    assert database["CONN_MAX_AGE"] > 0


@pytest.mark.parametrize("url", ["sqlite://file.db", "sqlite://", "sqlite:///"])
def test_a_sqlite_url_with_the_wrong_number_of_slashes_is_refused_with_the_right_ones(
    url: str,
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"write sqlite:///file\.db or sqlite:////"):
        parsed(url)


@pytest.mark.parametrize("url", ["mysql://u:p@h/n", "pathwarden.db", "redis://h"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="the scheme must be sqlite or postgres"):
        parsed(url)
