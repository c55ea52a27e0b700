"""Addresses that must not be probed, in every way of writing them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from health.models.validators import (
    unprobeable_kind,
    validate_auto_or_address,
    validate_interface_name,
    validate_target_address,
)

REFUSED = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254%1",
    "100.100.100.200",
    "192.0.0.192",
    "0xa9fea9fe",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
]


@pytest.mark.parametrize("value", REFUSED)
def test_an_address_that_must_not_be_probed_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        validate_target_address(value)


@pytest.mark.parametrize("value", ["192.0.2.1", "127.0.0.53", "2001:db8::1", "probe.example.net"])
def test_an_ordinary_target_passes(value: str) -> None:
    validate_target_address(value)


def test_the_kind_of_a_name_is_known_only_when_it_resolves() -> None:
    assert unprobeable_kind("probe.example.net") is None
    assert unprobeable_kind("192.0.2.1") == ""


@pytest.mark.parametrize("value", ["224.0.0.1", "0.0.0.0"])
def test_a_gateway_is_the_address_of_one_host(value: str) -> None:
    with pytest.raises(ValidationError, match="use that of one host"):
        validate_auto_or_address(value)


@pytest.mark.parametrize("value", [".", "..", "a b", "x" * 16])
def test_what_can_not_name_an_interface_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="not an interface name"):
        validate_interface_name(value)
