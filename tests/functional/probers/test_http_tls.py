"""HTTPS: the certificate is verified, and why it was refused is said in words."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import time

import pytest

from health.domain.measurement import Outcome
from health.probers.base import WireTarget
from health.probers.http import HttpProber
from tests.conftest import missing_layer
from tests.functional.probers.servers import MS, SECOND, collect, open_files, tcp_server
from tests.functional.probers.tls_files import make_authority, make_server, serving, trusting

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority that the prober trusts."""
    if shutil.which("openssl") is None:
        missing_layer("needs the command openssl to make certificates")
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def certificate(authority, tmp_path):
    """Makes certificates of servers."""
    return lambda names="DNS:www.example,IP:127.0.0.1,IP:::1", days=2, issuer=authority: (
        make_server(tmp_path, issuer, "server", names, days)
    )


@pytest.fixture
def prober(authority):
    """A prober that trusts the authority."""
    made = HttpProber(tls=trusting(authority))
    yield made
    made.close()


def tls_serving(context: ssl.SSLContext, page: bytes = PAGE):
    """Speaks TLS, reads the request, answers with the page; returns after the farewell."""

    def serve(connection: socket.socket) -> None:
        with (
            contextlib.suppress(ssl.SSLError, OSError),
            context.wrap_socket(connection, server_side=True) as tls,
        ):
            tls.recv(4096)
            tls.sendall(page)

    return serve


def ending(prober, serve, url="https://www.example:{port}/", host="127.0.0.1", **asked):
    """The one reply of a probe of this server."""
    timeout_ns = asked.pop("timeout_ns", 5 * SECOND)
    with tcp_server(serve, host) as port:
        target = WireTarget(host, request=url.format(port=port), **asked)
        prober.send(prober.prepare(target), timeout_ns)
        (reply,) = collect(prober, 1)
    return reply


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_with_a_good_certificate_answers(prober, certificate, version, host):
    context = serving(certificate(), newest=version)
    reply = ending(prober, tls_serving(context), host=host, expected_text="hello")
    assert reply.outcome is Outcome.ANSWERED
    assert ", TLS " in reply.detail
    assert 0 < reply.rtt_ns < 5 * SECOND


def test_a_server_that_waits_for_acknowledgements_is_not_kept_waiting(prober, certificate):
    # TLS 1.3 sends tickets before the page; with a delayed acknowledgement of them the page
    # of a server without TCP_NODELAY would leave 40 ms later, every time.
    serve = tls_serving(serving(certificate(), newest=ssl.TLSVersion.TLSv1_3))
    with tcp_server(serve) as port:
        lane = prober.prepare(WireTarget("127.0.0.1", request=f"https://www.example:{port}/"))
        times = []
        for _ in range(12):
            prober.send(lane, 5 * SECOND)
            times += [reply.rtt_ns for reply in collect(prober, 1)]
    assert len(times) == 12
    assert min(times) < 35 * MS


def test_an_address_may_stand_in_the_url_when_the_certificate_names_it(prober, certificate):
    reply = ending(prober, tls_serving(serving(certificate())), "https://127.0.0.1:{port}/")
    assert reply.outcome is Outcome.ANSWERED


def test_the_name_of_the_url_is_what_the_server_is_asked_for(prober, certificate):
    names: list[str | None] = []
    context = serving(certificate())
    context.sni_callback = lambda _tls, name, _context: names.append(name)
    assert ending(prober, tls_serving(context)).outcome is Outcome.ANSWERED
    assert names == ["www.example"]


@pytest.mark.parametrize(
    ("names", "days", "words"),
    [
        ("DNS:other.example", 2, "Hostname mismatch"),
        ("DNS:www.example", -1, "certificate has expired"),
    ],
)
def test_a_certificate_that_does_not_fit_is_refused_in_words(
    prober, certificate, names, days, words
):
    reply = ending(prober, tls_serving(serving(certificate(names, days))))
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail.startswith("certificate of www.example refused: ")
    assert words in reply.detail


def test_an_unknown_authority_is_refused_in_words(prober, certificate, tmp_path):
    stranger = make_authority(tmp_path)
    reply = ending(prober, tls_serving(serving(certificate(issuer=stranger))))
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail == (
        "certificate of www.example refused: unable to get local issuer certificate"
    )


def test_without_an_authority_of_its_own_the_system_s_decide(certificate):
    made = HttpProber()
    try:
        reply = ending(made, tls_serving(serving(certificate())))
    finally:
        made.close()
    assert reply.outcome is Outcome.REFUSED
    assert "certificate of www.example refused" in reply.detail


def test_a_server_without_tls_is_refused_in_words(prober):
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(4096)

    reply = ending(prober, serve)
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail == "TLS with www.example failed: wrong version number"


def test_a_server_that_leaves_during_the_handshake_is_refused_in_words(prober):
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)

    reply = ending(prober, serve)
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail == "www.example closed the connection during the TLS handshake"


def test_a_server_that_never_finishes_the_handshake_is_lost(prober):
    before = open_files()
    reply = ending(
        prober, lambda connection: connection.recv(1) and time.sleep(0.3), timeout_ns=100 * MS
    )
    assert reply.outcome is Outcome.LOST
    assert reply.detail == "no answer within 100 ms: waited for the TLS handshake"
    assert open_files() == before


def test_a_handshake_in_single_bytes_comes_to_its_end(prober, certificate):
    context = serving(certificate())

    def serve(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        answered = False
        while data := connection.recv(4096):
            incoming.write(data)
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                if not answered and tls.read(4096):
                    tls.write(PAGE)
                    answered = True
            for byte in outgoing.read():
                connection.sendall(bytes([byte]))

    reply = ending(prober, serve, expected_text="hello")
    assert reply.outcome is Outcome.ANSWERED
