"""From a name to a literal address. Blocking: for the edges and background threads only.

Never called by a prober: a probe that waits for a name server is not a probe.
"""

from __future__ import annotations

import ipaddress

import icmplib

from health.probers.base import ProberError


class ResolveError(ProberError):
    """A name has no address; the message names it and the cure."""


def is_literal(address: str) -> bool:
    """True for an IPv4 or IPv6 address, with or without a scope ("fe80::1%eth0")."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def resolve(name: str, family: int | None = None) -> str:
    """The first address of ``name``; literal addresses are returned canonical.

    ``family`` is 4, 6, or None for IPv4 before IPv6. Raises ``ResolveError``.
    """
    return addresses_of(name, family)[0]


def addresses_of(name: str, family: int | None = None) -> tuple[str, ...]:
    """All addresses of ``name`` in one family, in the order of this host's resolver.

    At least one. ``family`` and errors are those of ``resolve``.
    """
    if is_literal(name):
        return (_of_family(str(ipaddress.ip_address(name)), family),)
    if icmplib.is_ipv4_address(name):
        raise ResolveError(f"{name!r} is not an IPv4 address: each number must be 0–255")
    if icmplib.is_ipv6_address(name):
        raise ResolveError(f"{name!r} is not an IPv6 address")
    try:
        addresses: list[str] = icmplib.resolve(name, family)
    except (icmplib.NameLookupError, UnicodeError):
        raise ResolveError(
            f"{name!r} has no address: check its spelling and this host's name servers, "
            "or give a literal address"
        ) from None
    return tuple(addresses)


def _of_family(address: str, family: int | None) -> str:
    if family is not None and ipaddress.ip_address(address).version != family:
        raise ResolveError(f"{address} is not an IPv{family} address")
    return address
