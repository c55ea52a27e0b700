"""Questions are parsed, spelled at random, and recognised again."""

from __future__ import annotations

import dns.message
import pytest

from health.domain.measurement import Outcome
from health.probers.dns_message import ExpectedText, build_query, parse_question
from health.probers.dns_packet import Header, QuestionError, judge, read_header, repeats


@pytest.mark.parametrize(
    ("request_", "name", "kind"),
    [
        ("", ".", "NS"),
        (".", ".", "NS"),
        (". SOA", ".", "SOA"),
        ("example.net", "example.net.", "A"),
        ("example.net aaaa", "example.net.", "AAAA"),
        ("  _sip._tcp.example.net.  SRV ", "_sip._tcp.example.net.", "SRV"),
        ("bücher.example", "xn--bcher-kva.example.", "A"),
    ],
)
def test_a_request_is_a_name_and_perhaps_a_type(request_: str, name: str, kind: str) -> None:
    parsed_name, parsed_kind = parse_question(request_)
    assert (parsed_name.to_text(), parsed_kind.name) == (name, kind)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("a b c", "write a name, or a name and a type"),
        ("example.net ANY", "use one of A, AAAA"),
        ("example.net AXFR", "use one of A, AAAA"),
        ("x" * 64, "is not a domain name"),
        ("a..b", "is not a domain name"),
    ],
)
def test_what_is_no_question_is_refused_with_the_cure(request_: str, words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        build_query(request_, large_answers=False)


@pytest.mark.parametrize("large_answers", [False, True])
@pytest.mark.parametrize("request_", ["", "www.Example.net AAAA", "1.0.0.127.in-addr.arpa PTR"])
def test_a_query_is_one_that_others_understand(request_: str, large_answers: bool) -> None:
    query = build_query(request_, large_answers=large_answers)
    message = dns.message.from_wire(query.packet(0x1234, query.with_case(0)))
    name, kind = parse_question(request_)
    assert message.id == 0x1234
    assert (message.question[0].name, message.question[0].rdtype) == (name, kind)
    assert (message.edns >= 0) == large_answers


def test_the_bits_decide_about_the_case_of_letters_and_of_nothing_else() -> None:
    query = build_query("a1-z.example", large_answers=False)
    assert query.with_case(0) == b"\x04a1-z\x07example\x00\x00\x01\x00\x01"
    assert query.with_case(-1) == b"\x04A1-Z\x07EXAMPLE\x00\x00\x01\x00\x01"
    assert query.with_case(0b10) == b"\x04a1-Z\x07example\x00\x00\x01\x00\x01"


def test_length_bytes_and_the_type_are_not_taken_for_letters() -> None:
    query = build_query(f"{'x' * 63}.example TXT", large_answers=False)
    assert query.with_case(-1)[0] == 63
    assert query.with_case(-1)[-4:] == query.with_case(0)[-4:]


@pytest.mark.parametrize(
    "data",
    [b"", bytes(11), bytes.fromhex("123401000001000000000000"),
     bytes.fromhex("1234a8000001000000000000")],
    ids=["empty", "short", "a query", "an update"],
)  # fmt: skip
def test_what_is_no_answer_has_no_header(data: bytes) -> None:
    assert read_header(data) is None


def test_an_answer_repeats_the_question_exactly_or_refuses_without_one() -> None:
    question = b"\x01a\x00\x00\x01\x00\x01"
    head = bytes(12)
    assert repeats(head + question + b"more", Header(1, 0, False, 1), question)
    assert not repeats(head + question.upper(), Header(1, 0, False, 1), question)
    assert not repeats(head + question, Header(1, 0, False, 2), question)
    assert not repeats(head, Header(1, 0, False, 0), question)
    assert not repeats(head, Header(1, 3, False, 0), question)
    assert repeats(head, Header(1, 5, False, 0), question)


def test_an_unreadable_answer_is_neither_a_success_nor_a_failure_where_a_text_is_expected() -> None:
    garbage = bytes.fromhex("123481800001000900000000") + b"\xff" * 30
    header = read_header(garbage)
    assert header is not None
    assert judge(garbage, header, ExpectedText("x"), "192.0.2.53") is None
    assert judge(garbage, header, None, "192.0.2.53") == (Outcome.ANSWERED, "")
