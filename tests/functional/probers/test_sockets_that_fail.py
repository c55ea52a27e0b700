"""Whatever errno a socket call ends with, a prober says it as a ``SendError`` or not at all.

Every kind, every call it makes on its sockets, every errno that send(2), recv(2),
connect(2), bind(2) and setsockopt(2) know. Real sockets, made to fail.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from health.domain.measurement import Outcome
from health.probers import PROBERS
from health.probers.base import Prober, ProberError, SendError, WireTarget
from tests.conftest import missing_layer

ERRNOS = [
    errno.EPERM, errno.EIO, errno.ENXIO, errno.EAGAIN, errno.ENOMEM, errno.EACCES, errno.ENODEV,
    errno.EINVAL, errno.EPIPE, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP,
    errno.EAFNOSUPPORT, errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.ENETUNREACH,
    errno.ECONNRESET, errno.ENOBUFS, errno.ENOTCONN, errno.ETIMEDOUT, errno.ECONNREFUSED,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EPROTO, 4095,
]  # fmt: skip
CALLS = (
    "bind", "connect", "connect_ex", "recv", "recvfrom", "recvmsg", "send", "sendall", "sendmsg",
    "sendto", "setsockopt",
)  # fmt: skip
OWN_FAULTS = {Outcome.LINK_DOWN, Outcome.MISCONFIGURED, Outcome.DENIED, Outcome.CONGESTED}


REAL = socket.socket


class FailingSocket(REAL):
    """A socket of which some calls fail with ``number`` while that is set."""

    number = 0
    failing: frozenset[str] = frozenset()


def _failing(name: str) -> Any:
    def call(self: FailingSocket, *args: Any) -> Any:
        if FailingSocket.number and name in FailingSocket.failing:
            if name == "connect_ex":
                return FailingSocket.number
            raise OSError(FailingSocket.number, os.strerror(FailingSocket.number))
        return getattr(REAL, name)(self, *args)

    return call


for _name in CALLS:
    setattr(FailingSocket, _name, _failing(_name))


@pytest.fixture(autouse=True)
def _sockets_fail(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(socket, "socket", FailingSocket)
    yield
    FailingSocket.number = 0


@pytest.fixture(params=sorted(PROBERS))
def prober(request: pytest.FixtureRequest) -> Iterator[Prober]:
    FailingSocket.number = 0
    try:
        made = PROBERS[request.param].make()
    except ProberError as error:
        missing_layer(str(error))
    yield made
    FailingSocket.number = 0
    made.close()


def target_of(prober: Prober) -> WireTarget:
    return WireTarget("127.0.0.1", 9 if PROBERS[prober.kind].needs_port else 0, "127.0.0.1")


def outcomes(prober: Prober, target: WireTarget, *failing: str) -> set[Outcome]:
    """Prepare, send, receive, forget and release under every errno; what was said about it."""
    said = set()
    for number in ERRNOS:
        FailingSocket.failing, FailingSocket.number = frozenset(failing), number
        try:
            lane = prober.prepare(target)
        except SendError as error:
            said.add(error.outcome)
            continue
        try:
            probe_id = prober.send(lane, 1_000_000_000)
        except SendError as error:
            said.add(error.outcome)
        else:
            said |= {reply.outcome for reply in prober.receive()}
            prober.forget(probe_id)
        prober.receive()
        FailingSocket.number = 0
        prober.release(lane)
    FailingSocket.number = 0
    return said


@pytest.mark.parametrize("failing", ["bind", "setsockopt"])
def test_a_socket_that_cannot_be_made_ready_is_a_fault_of_this_host(
    prober: Prober, failing: str
) -> None:
    said = outcomes(prober, target_of(prober), failing)
    assert said <= OWN_FAULTS | {Outcome.ANSWERED, Outcome.REFUSED}  # icmp is ready already


def test_sending_that_fails_is_said_and_never_raised(prober: Prober) -> None:
    said = outcomes(
        prober, target_of(prober), "connect", "connect_ex", "send", "sendall", "sendmsg", "sendto"
    )
    assert said >= OWN_FAULTS


def test_receiving_that_fails_is_silence_and_never_raised(prober: Prober) -> None:
    said = outcomes(prober, target_of(prober), "recv", "recvfrom", "recvmsg")
    assert said <= {Outcome.REFUSED}


def test_the_prober_measures_again_when_the_failing_ends(prober: Prober) -> None:
    outcomes(prober, target_of(prober), *CALLS)
    lane = prober.prepare(target_of(prober))
    prober.send(lane, 1_000_000_000)
    prober.release(lane)
