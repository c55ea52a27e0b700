"""Each kind says which requests and expectations make sense for it."""

from __future__ import annotations

import pytest

from health.probers import PROBERS
from health.probers.asked import Asked


@pytest.mark.parametrize("kind", PROBERS)
def test_nothing_asked_is_right_for_every_kind(kind: str) -> None:
    assert PROBERS[kind].problems(Asked()) == []


@pytest.mark.parametrize("kind", ["icmp", "stamp", "tcp"])
@pytest.mark.parametrize(
    "asked",
    [Asked(request="x"), Asked(expected_text="x"), Asked(expected_status=200)],
    ids=["request", "text", "status"],
)
def test_kinds_whose_answer_has_no_content_expect_none(kind: str, asked: Asked) -> None:
    (problem,) = PROBERS[kind].problems(asked)
    assert problem[0] in {"request", "expected_text", "expected_status"}
    assert problem[1].endswith("leave it empty.")


@pytest.mark.parametrize(
    ("kind", "asked", "fields"),
    [
        ("dns", Asked(53, "www.example AAAA", "2001:db8::1"), []),
        ("dns", Asked(request="a b c"), ["request"]),
        ("dns", Asked(expected_status=200), ["expected_status"]),
        ("dns", Asked(request="..", expected_status=200), ["expected_status", "request"]),
        ("http", Asked(8080, "", "ok", 200), []),
        ("http", Asked(None, "https://example.com/", "ok", 200), []),
        ("http", Asked(443, "https://example.com/"), ["port"]),
        ("http", Asked(None, "example.com"), ["request"]),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(
    kind: str, asked: Asked, fields: list[str]
) -> None:
    assert [field for field, _ in PROBERS[kind].problems(asked)] == fields
