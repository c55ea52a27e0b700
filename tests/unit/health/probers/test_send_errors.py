"""A refused system call names the outcome, the reason and the cure."""

from __future__ import annotations

import errno

import pytest

from health.domain.measurement import Outcome
from health.probers.base import WireTarget
from health.probers.send_errors import send_error

TARGET = WireTarget("192.0.2.1", source="10.0.0.5", fwmark=7)


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ENETDOWN, Outcome.LINK_DOWN),
        (errno.ENODEV, Outcome.LINK_DOWN),
        (errno.ENXIO, Outcome.LINK_DOWN),
        (errno.ENETUNREACH, Outcome.MISCONFIGURED),
        (errno.EHOSTUNREACH, Outcome.MISCONFIGURED),
        (errno.EADDRNOTAVAIL, Outcome.MISCONFIGURED),
        (errno.EINVAL, Outcome.MISCONFIGURED),
        (errno.EPERM, Outcome.DENIED),
        (errno.EACCES, Outcome.DENIED),
        (errno.EMSGSIZE, Outcome.MISCONFIGURED),
        (errno.EMFILE, Outcome.DENIED),
        (errno.ENOBUFS, Outcome.CONGESTED),
        (errno.EAGAIN, Outcome.CONGESTED),
        (errno.ENOMEM, Outcome.CONGESTED),
    ],
)
def test_each_errno_has_one_outcome_for_all_kinds(number: int, outcome: Outcome) -> None:
    error = send_error(OSError(number, ""), TARGET)
    assert error.outcome is outcome
    assert errno.errorcode[number] in str(error)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.EPERM])
def test_only_a_full_queue_is_the_uplinks_own(number: int) -> None:
    assert send_error(OSError(errno.ENOBUFS, ""), TARGET).queue_full
    assert not send_error(OSError(number, ""), TARGET).queue_full


def test_an_unknown_errno_says_nothing_about_the_path() -> None:
    error = send_error(OSError(errno.EXDEV, ""), TARGET)
    assert error.outcome is Outcome.MISCONFIGURED
    assert "192.0.2.1" in str(error)
    assert "EXDEV" in str(error)


def test_an_error_without_errno_keeps_its_text() -> None:
    error = send_error(OSError("strange"), TARGET)
    assert error.outcome is Outcome.MISCONFIGURED
    assert "strange" in str(error)


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.EINVAL, "10.0.0.5"), (errno.EADDRNOTAVAIL, "10.0.0.5"), (errno.EPERM, "(7)")],
)
def test_the_message_names_the_value_that_is_wrong(number: int, word: str) -> None:
    assert word in str(send_error(OSError(number, ""), TARGET))


@pytest.mark.parametrize(
    ("number", "marked"),
    [(errno.ENETUNREACH, True), (errno.EHOSTUNREACH, True), (errno.EINVAL, False)],
)
def test_a_missing_route_is_marked_for_whoever_knows_that_there_should_be_one(
    number: int, marked: bool
) -> None:
    assert send_error(OSError(number, ""), TARGET).no_route is marked


def test_no_route_over_an_interface_that_is_gone_is_a_dead_link() -> None:
    error = send_error(OSError(errno.ENETUNREACH, ""), TARGET._replace(interface="nosuch0"))
    assert error.outcome is Outcome.LINK_DOWN
    assert not error.no_route
    assert "nosuch0" in str(error)


def test_no_route_over_an_interface_that_works_blames_the_routes() -> None:
    error = send_error(OSError(errno.ENETUNREACH, ""), TARGET._replace(interface="lo"))
    assert error.outcome is Outcome.MISCONFIGURED
    assert error.no_route


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.EMFILE, errno.ENFILE])
def test_what_is_denied_names_the_cure(number: int) -> None:
    text = str(send_error(OSError(number, ""), TARGET))
    assert any(cure in text for cure in ("let it pass", "remove it", "raise "))
