"""DNS queries to name servers that answer well, badly, elsewhere, or not at all."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Reply, SendError, WireTarget
from health.probers.dns import DnsProber
from health.probers.rtt_clock import RttClock
from tests.functional.probers.servers import (
    MS,
    SECOND,
    closed_port,
    collect,
    open_files,
    udp_server,
    until,
)

RECORDS = {
    "A": ("www.example. 60 IN A 192.0.2.10", "www.example. 60 IN A 192.0.2.11"),
    "AAAA": ("www.example. 60 IN AAAA 2001:db8::10",),
    "TXT": ('www.example. 60 IN TXT "Hello " "World"',),
    "NS": (". 60 IN NS a.root-servers.example.",),
}


@pytest.fixture
def prober() -> Iterator[Callable[..., DnsProber]]:
    """Makes probers that are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(clock: RttClock | None = None) -> DnsProber:
            made = DnsProber(clock)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def far_end() -> Iterator[socket.socket]:
    """A name server that the test plays by hand."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(3)
        yield sock


def answer(query: bytes, *, rcode: int = 0, truncated: bool = False) -> bytes:
    """What an honest server says, with the records above."""
    question = dns.message.from_wire(query)
    response = dns.message.make_response(question)
    response.set_rcode(dns.rcode.Rcode(rcode))
    kind = dns.rdatatype.to_text(question.question[0].rdtype)
    if truncated:
        response.flags |= dns.flags.TC
    elif rcode == 0:
        for text in RECORDS[kind]:
            name, ttl, cls, _, data = text.split(maxsplit=4)
            response.answer.append(dns.rrset.from_text(name, int(ttl), cls, kind, data))
    return response.to_wire()


def ask(prober: DnsProber, port: int, timeout_ns: int = 5 * SECOND, **asked: object) -> int:
    return prober.send(prober.prepare(WireTarget("127.0.0.1", port, **asked)), timeout_ns)


def ask_once(prober: DnsProber, target: WireTarget) -> None:
    lane = prober.prepare(target)
    try:
        prober.send(lane, SECOND)
    finally:
        prober.release(lane)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_name_server_answers_and_every_answer_finds_its_query(prober, host):
    dns_ = prober()
    with udp_server(lambda query: [answer(query)], host) as port:
        lane = dns_.prepare(WireTarget(host, port, request="www.example", dscp=46))
        ids = [dns_.send(lane, 5 * SECOND) for _ in range(100)]
        replies = collect(dns_, 100)
    assert sorted(reply.probe_id for reply in replies) == ids
    assert {reply.outcome for reply in replies} == {Outcome.ANSWERED}
    assert all(0 < reply.rtt_ns < 5 * SECOND for reply in replies)
    assert not dns_.rejected


def test_without_a_request_the_name_servers_of_the_root_are_asked_for(prober, far_end):
    ask(prober(), far_end.getsockname()[1])
    question = dns.message.from_wire(far_end.recv(512)).question[0]
    assert question.to_text() == ". IN NS"


def test_looking_late_does_not_lengthen_the_time(prober):
    dns_ = prober()
    with udp_server(lambda query: [answer(query)]) as port:
        ask(dns_, port)
        time.sleep(0.4)
        (reply,) = dns_.receive()
    assert reply.rtt_ns < 300 * MS


@pytest.mark.parametrize("step_secs", [-30, 30])
def test_a_step_of_the_wall_clock_in_flight_does_not_show_in_the_time(prober, helpers, step_secs):
    clock = helpers.clock()
    dns_ = prober(clock)
    with udp_server(lambda query: [answer(query)]) as port:
        before = time.monotonic_ns()
        ask(dns_, port)
        clock.step_ns = step_secs * SECOND
        (reply,) = collect(dns_, 1)
    assert 0 <= reply.rtt_ns <= time.monotonic_ns() - before


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("www.example", "192.0.2.11"),
        ("www.example AAAA", "2001:DB8:0::10"),
        ("www.example txt", "hello world"),
        (". NS", "a.root-servers"),
    ],
)
def test_an_answer_that_contains_what_is_expected_counts(prober, request_, expected):
    dns_ = prober()
    with udp_server(lambda query: [answer(query)]) as port:
        ask(dns_, port, request=request_, expected_text=expected)
        (reply,) = collect(dns_, 1)
    assert reply.outcome is Outcome.ANSWERED


def test_a_longer_address_does_not_stand_for_a_shorter_one(prober):
    dns_ = prober()
    with udp_server(lambda query: [answer(query)]) as port:
        ask(dns_, port, request="www.example", expected_text="192.0.2.1")
        (reply,) = collect(dns_, 1)
    assert reply.outcome is Outcome.REFUSED
    assert reply.rtt_ns is None
    assert reply.detail == "the answer of 127.0.0.1 does not contain '192.0.2.1'"


@pytest.mark.parametrize(
    ("server", "asked", "outcome", "words"),
    [
        ({"rcode": 3}, {}, Outcome.ANSWERED, ""),
        ({"rcode": 3}, {"expected_text": "x"}, Outcome.REFUSED, "NXDOMAIN from 127.0.0.1"),
        ({"rcode": 2}, {}, Outcome.REFUSED, "SERVFAIL from 127.0.0.1: it could not find"),
        ({"rcode": 5}, {}, Outcome.REFUSED, "REFUSED from 127.0.0.1"),
        ({"rcode": 9}, {}, Outcome.REFUSED, "response code 9 from 127.0.0.1"),
        ({"truncated": True}, {}, Outcome.ANSWERED, ""),
        ({"truncated": True}, {"expected_text": "x"}, Outcome.REFUSED, "(it was truncated)"),
    ],
)
def test_what_the_server_says_becomes_the_outcome_in_words(prober, server, asked, outcome, words):
    dns_ = prober()
    with udp_server(lambda query: [answer(query, **server)]) as port:
        ask(dns_, port, request="www.example", **asked)
        (reply,) = collect(dns_, 1)
    assert reply.outcome is outcome
    assert words in reply.detail
    assert (reply.rtt_ns is not None) == (outcome is Outcome.ANSWERED)


def test_a_refusal_without_a_question_is_understood(prober):
    dns_ = prober()
    with udp_server(lambda query: [query[:2] + bytes.fromhex("80010000000000000000")]) as port:
        ask(dns_, port)
        (reply,) = collect(dns_, 1)
    assert reply.outcome is Outcome.REFUSED
    assert reply.detail.startswith("FORMERR")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda q: bytes([q[0] ^ 1]) + answer(q)[1:], Rejection.FOREIGN),
        (lambda q: answer(q[:12] + q[12:].swapcase()), Rejection.FOREIGN),
        (lambda q: answer(q[:13] + bytes([q[13] ^ 1]) + q[14:]), Rejection.FOREIGN),
        (lambda q: q[:2] + bytes.fromhex("80000000000000000000"), Rejection.FOREIGN),
        (lambda q: q, Rejection.CORRUPT),
        (lambda q: answer(q)[:11], Rejection.CORRUPT),
        (lambda q: b"", Rejection.CORRUPT),
        (lambda q: answer(q)[:-3], Rejection.CORRUPT),
    ],
    ids=["id", "case", "name", "no question", "a query", "short", "empty", "cut off"],
)
def test_a_forged_answer_is_rejected_and_the_true_one_still_counts(prober, far_end, spoil, reason):
    dns_ = prober()
    port = far_end.getsockname()[1]
    probe_id = ask(dns_, port, request="WWW.example", expected_text="192.0.2.10")
    query, sender = far_end.recvfrom(512)
    far_end.sendto(spoil(query), sender)
    assert until(lambda: not dns_.receive() and bool(dns_.rejected))
    assert dns_.rejected == {reason: 1}
    far_end.sendto(answer(query), sender)
    assert [reply.probe_id for reply in collect(dns_, 1)] == [probe_id]


def test_an_answer_from_another_port_is_foreign(prober, far_end):
    dns_ = prober()
    ask(dns_, far_end.getsockname()[1])
    query, sender = far_end.recvfrom(512)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(answer(query), sender)
    assert until(lambda: not dns_.receive() and bool(dns_.rejected))
    assert dns_.rejected == {Rejection.FOREIGN: 1}


def test_a_second_copy_is_a_duplicate_and_an_answer_after_forgetting_is_late(prober, far_end):
    dns_, port = prober(), far_end.getsockname()[1]
    ask(dns_, port)
    query, sender = far_end.recvfrom(512)
    far_end.sendto(answer(query), sender)
    assert len(collect(dns_, 1)) == 1
    far_end.sendto(answer(query), sender)
    assert until(lambda: not dns_.receive() and bool(dns_.rejected))
    assert dns_.rejected == {Rejection.DUPLICATE: 1}
    dns_.forget(ask(dns_, port))
    far_end.sendto(answer(far_end.recv(512)), sender)
    assert until(lambda: not dns_.receive() and dns_.rejected.total() == 2)
    assert dns_.rejected == {Rejection.DUPLICATE: 1, Rejection.LATE: 1}


def test_an_answer_beyond_the_timeout_is_late_even_when_the_engine_has_not_noticed(prober):
    dns_ = prober()
    with udp_server(lambda query: [answer(query)]) as port:
        ask(dns_, port, timeout_ns=1)
        assert until(lambda: not dns_.receive() and bool(dns_.rejected))
    assert dns_.rejected == {Rejection.LATE: 1}


def test_a_closed_port_refuses_the_query_and_spoils_no_other(prober):
    dns_, closed = prober(), closed_port(socket.SOCK_DGRAM)
    expected = {}
    with udp_server(lambda query: [answer(query)]) as port:
        for _ in range(30):
            expected[ask(dns_, closed)] = "Destination port unreachable from 127.0.0.1"
            expected[ask(dns_, port)] = ""
        replies = collect(dns_, 60)
    assert {reply.probe_id: reply.detail for reply in replies} == expected
    assert Reply(0, Outcome.REFUSED, None, expected[0]) in replies


def test_ids_and_spelling_cannot_be_foreseen(prober, far_end):
    dns_, port = prober(), far_end.getsockname()[1]
    queries = []
    for _ in range(60):
        ask(dns_, port, request="a-rather-long-name.example")
        queries.append(far_end.recv(512))
    assert len({query[:2] for query in queries}) == 60
    assert len({query[12:] for query in queries}) > 55
    assert len({query[12:].lower() for query in queries}) == 1
    steps = {int.from_bytes(b[:2], "big") - int.from_bytes(a[:2], "big")
             for a, b in itertools.pairwise(queries)}  # fmt: skip
    assert len(steps) > 50


def test_lanes_with_the_same_options_share_a_socket_that_closes_with_the_last(prober):
    dns_, before = prober(), open_files()
    lanes = [dns_.prepare(WireTarget("127.0.0.1", 53, request=name)) for name in ("a", "b")]
    other = dns_.prepare(WireTarget("127.0.0.1", 53, source="127.0.0.9"))
    assert open_files() == before + 2
    dns_.release(lanes[0])
    dns_.release(other)
    assert open_files() == before + 1
    dns_.send(lanes[1], SECOND)
    dns_.release(lanes[1])
    assert open_files() == before
    assert dns_.receive() == []


@pytest.mark.parametrize(
    ("target", "outcome", "words"),
    [
        (WireTarget("127.0.0.1", 53, interface="nosuch0"), Outcome.LINK_DOWN, "nosuch0"),
        (WireTarget("127.0.0.1", 53, source="192.0.2.77"), Outcome.MISCONFIGURED, "192.0.2.77"),
        (WireTarget("router.example", 53), Outcome.MISCONFIGURED, "resolve the name"),
        (WireTarget("127.0.0.1", 0), Outcome.MISCONFIGURED, "port 0"),
        (WireTarget("127.0.0.1", 53, request="a b c"), Outcome.MISCONFIGURED, "no question"),
        (WireTarget("255.255.255.255", 53), Outcome.DENIED, "broadcast"),
    ],
)
def test_a_query_that_cannot_leave_says_whose_fault_it_is(prober, target, outcome, words):
    dns_, before = prober(), open_files()
    with pytest.raises(SendError, match=words) as refusal:
        ask_once(dns_, target)
    assert refusal.value.outcome is outcome
    assert open_files() == before


def test_ten_thousand_probes_leave_no_file_open_and_no_query_behind(prober):
    dns_, ended = prober(), 0
    with udp_server(lambda query: [query[:2] + b"\x80\x00" + query[4:]]) as port:
        lane = dns_.prepare(WireTarget("127.0.0.1", port))
        silent = dns_.prepare(WireTarget("127.0.0.1", closed_port(socket.SOCK_DGRAM)))
        before = open_files()
        for _ in range(100):
            forgotten = [dns_.send(silent, SECOND) for _ in range(20)]
            for probe_id in forgotten:
                dns_.forget(probe_id)
            for _ in range(80):
                dns_.send(lane, 5 * SECOND)
            ended += len(collect(dns_, 80))
        assert open_files() == before
    assert ended == 8_000
    assert not dns_._asking
    assert not lane.session.waiting


def test_closing_ends_everything_and_may_be_repeated():
    before = open_files()
    dns_ = DnsProber()
    ask(dns_, closed_port(socket.SOCK_DGRAM))
    dns_.close()
    dns_.close()
    assert open_files() == before
