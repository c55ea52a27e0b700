"""Readable refusals of values that can't work on a network. Pure functions over one value."""

from __future__ import annotations

import ipaddress
import re

from django.core.exceptions import ValidationError

INTERFACE_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,15}")
HOST_NAME = re.compile(
    r"(?=.{1,253}\.?$)[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62}))*\.?"
)
# Cloud metadata services answer here with secrets; a probe has no business there.
METADATA_ADDRESSES = frozenset(
    {ipaddress.ip_address("169.254.169.254"), ipaddress.ip_address("fd00:ec2::254")}
)


def validate_interface_name(value: str) -> None:
    """Linux interface names: 1–15 letters, digits, dots, dashes, underscores."""
    if INTERFACE_NAME.fullmatch(value) is None:
        raise ValidationError(
            f"{value!r} is not an interface name; use 1–15 of a–z, A–Z, 0–9, '_', '.', '-' "
            "as shown by `ip link`.",
            code="interface_name",
        )


def validate_address(value: str) -> None:
    """A literal IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValidationError(
            f"{value!r} is not an IP address; write one such as 192.0.2.1 or 2001:db8::1.",
            code="address",
        ) from None


def validate_auto_or_address(value: str) -> None:
    """The word ``auto`` or a literal address."""
    if value != "auto":
        try:
            validate_address(value)
        except ValidationError:
            raise ValidationError(
                f"{value!r} is neither 'auto' nor an IP address.", code="auto_or_address"
            ) from None


def validate_target_address(value: str) -> None:
    """An address that can be probed, or a host name.

    Multicast, broadcast, unspecified and cloud-metadata addresses are refused,
    also when written as an IPv4-mapped IPv6 address.
    """
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        _validate_host_name(value)
        return
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    kind = _unprobeable_kind(address)
    if kind:
        raise ValidationError(
            f"{value!r} is a {kind} address and can't be probed; use the address of one host.",
            code="target_address",
        )


def _unprobeable_kind(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if address.is_unspecified:
        return "unspecified"
    if address.is_multicast:
        return "multicast"
    if address == ipaddress.IPv4Address("255.255.255.255"):
        return "broadcast"
    if address in METADATA_ADDRESSES:
        return "cloud metadata"
    return ""


def _validate_host_name(value: str) -> None:
    # All-digit labels at the end are mistyped addresses ("10.0.0.256", "10.1"), not names.
    last_label = value.rstrip(".").rpartition(".")[2]
    if HOST_NAME.fullmatch(value) is None or last_label.isdigit():
        raise ValidationError(
            f"{value!r} is neither an IP address nor a host name.", code="target_address"
        )
