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
        (errno.EMFILE, Outcome.DENIED),
        (errno.ENOBUFS, Outcome.CONGESTED),
        (errno.EAGAIN, Outcome.CONGESTED),
    ],
)
def test_each_errno_has_one_outcome_for_all_kinds(number: int, outcome: Outcome) -> None:
    error = send_error(OSError(number, ""), TARGET)
    assert error.outcome is outcome
    assert errno.errorcode[number] in str(error)


def test_an_unknown_errno_says_nothing_about_the_path() -> None:
    error = send_error(OSError(errno.EMSGSIZE, ""), TARGET)
    assert error.outcome is Outcome.MISCONFIGURED
    assert "192.0.2.1" in str(error)
    assert "EMSGSIZE" in str(error)


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
