"""Environment variables are read with their types, and nonsense is refused by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sdwan_site.env import (
    env_bool,
    env_choice,
    env_duration,
    env_list,
    env_name,
    env_networks,
    env_str,
)

NAME = "PATHWARDEN_TEST_VARIABLE"
SetVariable = Callable[[str], None]


@pytest.fixture
def set_variable(monkeypatch: pytest.MonkeyPatch) -> SetVariable:
    """Sets the variable of the test."""
    return lambda value: monkeypatch.setenv(NAME, value)


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)


def test_a_variable_that_is_not_set_has_its_default() -> None:
    assert env_str(NAME, "fallback") == "fallback"
    assert env_bool(NAME) is False
    assert env_bool(NAME, default=True) is True
    assert env_choice(NAME, ("off", "on"), "off") == "off"
    assert env_list(NAME, ("a", "b")) == ["a", "b"]
    assert env_networks(NAME, ("127.0.0.0/8",)) == [ipaddress.ip_network("127.0.0.0/8")]
    assert env_duration(NAME, "48h") == timedelta(hours=48)
    assert env_name(NAME, "local") == "local"


def test_an_empty_value_is_no_value(set_variable: SetVariable) -> None:
    set_variable("")
    assert env_str(NAME, "fallback") == "fallback"
    assert env_bool(NAME, default=True) is True
    assert env_choice(NAME, ("off", "on"), "off") == "off"
    assert env_list(NAME, ("a",)) == ["a"]
    assert env_duration(NAME, "48h") == timedelta(hours=48)
    assert env_name(NAME, "local") == "local"


# --- files -------------------------------------------------------------------------


def test_a_value_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("  pässword\n", encoding="utf-8")
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    assert env_str(NAME) == "pässword"


def test_every_type_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "value"
    file.write_text("7d\n", encoding="utf-8")
    monkeypatch.setenv(f"{NAME}_FILE", str(file))
    assert env_duration(NAME, "48h") == timedelta(days=7)


def test_a_value_and_a_file_at_once_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_variable: SetVariable
) -> None:
    set_variable("one")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "other"))
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} and {NAME}_FILE are both set"):
        env_str(NAME)


def test_an_empty_value_beside_a_file_leaves_the_file_its_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_variable: SetVariable
) -> None:
    set_variable("")
    (tmp_path / "other").write_text("from the file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "other"))
    assert env_str(NAME) == "from the file"


def test_a_file_that_can_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE=.*missing.*can't be read"):
        env_str(NAME)


# --- types --------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "ON", "True"])
def test_a_switch_is_on(value: str, set_variable: SetVariable) -> None:
    set_variable(value)
    assert env_bool(NAME) is True


@pytest.mark.parametrize("value", ["0", "false", "no", "off", "Off"])
def test_a_switch_is_off_even_if_its_default_is_on(value: str, set_variable: SetVariable) -> None:
    set_variable(value)
    assert env_bool(NAME, default=True) is False


@pytest.mark.parametrize("value", ["maybe", "2", "-", "ja"])
def test_what_is_no_switch_is_refused_with_the_cure(value: str, set_variable: SetVariable) -> None:
    set_variable(value)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}='{value}' is not a switch; use on"):
        env_bool(NAME)


def test_a_choice_is_one_of_the_choices(set_variable: SetVariable) -> None:
    set_variable("proxy")
    assert env_choice(NAME, ("off", "on", "proxy"), "off") == "proxy"


@pytest.mark.parametrize("value", ["Proxy", "of"])
def test_what_is_no_choice_is_refused_with_the_choices(
    value: str, set_variable: SetVariable
) -> None:
    set_variable(value)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}='{value}' is none of: off, proxy"):
        env_choice(NAME, ("off", "proxy"), "off")


@pytest.mark.parametrize(
    ("value", "items"),
    [("a", ["a"]), ("a,b", ["a", "b"]), (" a , b ,", ["a", "b"]), (",", []), ("::1", ["::1"])],
)
def test_a_list_is_separated_by_commas(
    value: str, items: list[str], set_variable: SetVariable
) -> None:
    set_variable(value)
    assert env_list(NAME) == items


def test_networks_are_of_both_families(set_variable: SetVariable) -> None:
    set_variable("10.0.5.0/24, 2001:db8::/32, 192.0.2.1")
    assert [str(network) for network in env_networks(NAME, ())] == [
        "10.0.5.0/24",
        "2001:db8::/32",
        "192.0.2.1/32",
    ]


@pytest.mark.parametrize("value", ["10.0.0.1/24", "10.0.0.0/33", "branch"])
def test_what_is_no_network_is_named(value: str, set_variable: SetVariable) -> None:
    set_variable(f"127.0.0.0/8,{value}")
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}: '{value}' is not a network"):
        env_networks(NAME, ())


@pytest.mark.parametrize(
    ("value", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("48h", timedelta(days=2)),
        ("14d", timedelta(days=14)),
        ("5y", timedelta(days=1825)),
    ],
)
def test_a_duration_has_a_unit(value: str, duration: timedelta, set_variable: SetVariable) -> None:
    set_variable(value)
    assert env_duration(NAME, "1s") == duration


@pytest.mark.parametrize("value", ["0h", "48", "-1d", "1.5h", "2w", "1h30m", "h"])
def test_what_is_no_positive_duration_is_refused_with_an_example(
    value: str, set_variable: SetVariable
) -> None:
    set_variable(value)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}='{value}' is not a duration.*48h"):
        env_duration(NAME, "48h")


@pytest.mark.parametrize("value", ["a", "frankfurt-1", "A_b-9", "x" * 40])
def test_a_name_is_a_short_machine_name(value: str, set_variable: SetVariable) -> None:
    set_variable(value)
    assert env_name(NAME, "local") == value


@pytest.mark.parametrize("value", ["-a", "_a", "x" * 41, "a b", "a/b", "ä", "a\n"])
def test_what_is_no_machine_name_is_refused(value: str, set_variable: SetVariable) -> None:
    set_variable(value)
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}=.* must be 1–40 letters"):
        env_name(NAME, "local")
