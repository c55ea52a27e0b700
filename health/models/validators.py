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
NAT64_PREFIX = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses as seen through NAT64 (RFC 6052)."""
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address)
    for address in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)


def validate_interface_name(value: str) -> None:
    """Linux interface names: 1–15 letters, digits, dots, dashes, underscores; not "." or ".."."""
    if INTERFACE_NAME.fullmatch(value) is None or value in {".", ".."}:
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
        kind = unprobeable_kind(value)
        if kind:
            raise ValidationError(
                f"{value!r} is a {kind} address; use that of one host.", code="auto_or_address"
            )


def validate_target_address(value: str) -> None:
    """An address that can be probed, or a host name.

    Multicast, broadcast, unspecified and cloud-metadata addresses are refused, in
    every way of writing them. What a name resolves to is judged when it resolves.
    """
    kind = unprobeable_kind(value)
    if kind is None:
        _validate_host_name(value)
    elif kind:
        raise ValidationError(
            f"{value!r} is a {kind} address and can't be probed; use the address of one host.",
            code="target_address",
        )


def unprobeable_kind(value: str) -> str | None:
    """What is wrong with a literal address as a target: "" for nothing, None for no address."""
    try:
        address = ipaddress.ip_address(value.partition("%")[0])  # without a zone
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address in NAT64_PREFIX:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.is_unspecified:
        return "placeholder (unspecified)"
    if address.is_multicast:
        return "multicast"
    if address == ipaddress.IPv4Address("255.255.255.255"):
        return "broadcast"
    if address in METADATA_ADDRESSES:
        return "cloud metadata"
    return ""


def _validate_host_name(value: str) -> None:
    # A number at the end is a mistyped address ("10.0.0.256", "10.1", "0xa9fea9fe"), no name.
    last_label = value.rstrip(".").rpartition(".")[2]
    numeric = last_label.isdigit() or last_label.lower().startswith("0x")
    if HOST_NAME.fullmatch(value) is None or numeric:
        raise ValidationError(
            f"{value!r} is neither an IP address nor a host name.", code="target_address"
        )
