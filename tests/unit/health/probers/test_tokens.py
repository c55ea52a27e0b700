"""Tokens are unpredictable and never repeat in practice."""

from __future__ import annotations

from health.probers.tokens import TokenSource, random_tokens


def test_tokens_differ_beyond_the_end_of_a_batch() -> None:
    source = TokenSource()
    drawn = [source.next() for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert {len(token) for token in drawn} == {8}


def test_numbers_fill_64_bits_and_differ_beyond_the_end_of_a_batch() -> None:
    source = random_tokens()
    drawn = [next(source) for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert 2**62 < max(drawn) < 2**64
