"""ICMP errors in words."""

from __future__ import annotations

import pytest

from health.probers.icmp_errors import describe


@pytest.mark.parametrize(
    ("family", "icmp_type", "code", "text"),
    [
        (4, 3, 1, "Destination host unreachable from 192.0.2.1"),
        (4, 3, 3, "Destination port unreachable from 192.0.2.1"),
        (4, 3, 10, "Destination host prohibited from 192.0.2.1"),
        (4, 3, 13, "Packet filtered from 192.0.2.1"),
        (4, 11, 0, "Time to live exceeded from 192.0.2.1"),
        (4, 12, 0, "Parameter problem (code 0) from 192.0.2.1"),
        (4, 3, 99, "Destination unreachable, bad code: 99 from 192.0.2.1"),
        (6, 1, 0, "No route to destination from 192.0.2.1"),
        (6, 1, 4, "Port unreachable from 192.0.2.1"),
        (6, 3, 0, "Hop limit exceeded from 192.0.2.1"),
        (6, 4, 1, "Parameter problem (code 1) from 192.0.2.1"),
        (4, 0, 0, "ICMP type 0 code 0 from 192.0.2.1"),
    ],
)
def test_an_error_says_what_and_who(family: int, icmp_type: int, code: int, text: str) -> None:
    assert describe(family, icmp_type, code, "192.0.2.1") == text
