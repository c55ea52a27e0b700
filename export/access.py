"""Who may scrape: a bearer of the token, or a client of an allowed network.

Pure: headers and settings come as arguments.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from hmac import compare_digest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def bears_token(authorization: str, token: str) -> bool:
    """True when ``authorization`` is ``Bearer`` and the configured, not empty ``token``."""
    scheme, _, given = authorization.partition(" ")
    # Bytes, because compare_digest takes no text beyond ASCII.
    return (
        bool(token)
        and scheme.lower() == "bearer"
        and compare_digest(given.strip().encode(), token.encode())
    )


def client_address(
    remote: str, forwarded_for: str | None, trusted: Sequence[Network]
) -> Address | None:
    """The address of the client, None when it can't be known.

    ``trusted`` are the proxies to believe; behind one, the client is the last
    address of ``X-Forwarded-For`` that is not itself a trusted proxy. A request
    that was forwarded by anyone else comes from nobody we know: a proxy on
    this host must not turn the whole Internet into 127.0.0.1.
    """
    address = _parsed(remote)
    if forwarded_for is None:
        return address
    if address is None or not within(address, trusted):
        return None
    for hop in reversed(forwarded_for.split(",")):
        address = _parsed(hop.strip())
        if address is None or not within(address, trusted):
            return address
    return address


def within(address: Address | None, networks: Sequence[Network]) -> bool:
    """True when ``address`` is known and in one of ``networks``."""
    return address is not None and any(address in network for network in networks)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows IPv4 clients as ::ffff:192.0.2.1.
    return getattr(address, "ipv4_mapped", None) or address
