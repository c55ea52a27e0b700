"""Who may scrape."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from export.access import bears_token, client_address, within

PROXIES = [ip_network("10.0.0.0/24"), ip_network("fd00::/64")]


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("Bearer s3cret", True),
        ("bearer s3cret", True),
        ("Bearer s3cret ", True),
        ("Bearer other", False),
        ("Bearer ", False),
        ("Bearer", False),
        ("Token s3cret", False),
        ("s3cret", False),
        ("", False),
        ("Bearer ünïcode", False),
    ],
)
def test_only_the_bearer_of_the_token_is_let_in(header, allowed):
    assert bears_token(header, "s3cret") is allowed


@pytest.mark.parametrize("header", ["Bearer ", "Bearer", ""])
def test_no_token_configured_lets_nobody_in(header):
    assert not bears_token(header, "")


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("::ffff:192.0.2.7", None, "192.0.2.7"),
        ("", None, None),
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.9, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.1", "127.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "not an address", None),
        ("10.0.0.1", "", None),
        ("10.0.0.1", None, "10.0.0.1"),
        ("127.0.0.1", "192.0.2.7", None),
        ("127.0.0.1", "127.0.0.1", None),
    ],
)
def test_behind_a_trusted_proxy_the_client_is_the_last_untrusted_hop(remote, forwarded, expected):
    found = client_address(remote, forwarded, PROXIES)
    assert found == (None if expected is None else ip_address(expected))


def test_an_unknown_client_is_in_no_network():
    everywhere = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert not within(None, everywhere)
    assert within(ip_address("192.0.2.7"), everywhere)
