"""Literal addresses need no name server and wrong ones get a clear error."""

from __future__ import annotations

import pytest

from health.probers.resolve import ResolveError, is_literal, resolve


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_a_literal_address_is_returned_canonical(given: str, canonical: str) -> None:
    assert is_literal(given)
    assert resolve(given) == canonical


@pytest.mark.parametrize("wrong", ["999.0.2.1", "2001:db8::xyz"])
def test_what_only_looks_like_an_address_is_not_looked_up(wrong: str) -> None:
    assert not is_literal(wrong)
    with pytest.raises(ResolveError, match="is not an IPv"):
        resolve(wrong)


def test_an_address_of_the_other_family_is_refused() -> None:
    with pytest.raises(ResolveError, match=r"192\.0\.2\.1 is not an IPv6"):
        resolve("192.0.2.1", family=6)


def test_a_name_that_cannot_be_one_is_refused_with_the_cure() -> None:
    with pytest.raises(ResolveError, match="give a literal address"):
        resolve("a" * 300)
