"""What a stream of datagrams says about outages and moves."""

from __future__ import annotations

from tests.lab.stream import Outage, Packet, Recording

MS = 1_000_000


def recording(providers: str) -> Recording:
    """One datagram each ms: a digit is the provider it came by, "." was lost."""
    return Recording(
        tuple(
            Packet(at * MS, None, None, None)
            if seen == "."
            else Packet(at * MS, at * MS + 1, int(seen), at * MS + 2)
            for at, seen in enumerate(providers)
        )
    )


def test_an_outage_lasts_from_the_first_missed_datagram_to_the_next_that_came() -> None:
    assert recording("11...22").outages() == [Outage(2 * MS, 5 * MS, 3, 1, 2)]
    assert recording("11...22").outages()[0].secs == 0.003


def test_an_outage_without_an_end_is_infinite() -> None:
    (outage,) = recording("1..").outages()
    assert (outage.until_ns, outage.secs) == (None, float("inf"))


def test_short_rows_can_be_left_out() -> None:
    assert [row.lost for row in recording("1.1...1").outages(at_least=2)] == [3]


def test_a_missed_answer_is_not_a_missed_datagram() -> None:
    half = Recording((Packet(0, 1, 1, 2), Packet(MS, MS + 1, 1, None)))
    assert half.outages() == []
    assert [row.lost for row in half.outages(answers=True)] == [1]


def test_moves_name_the_provider_and_the_first_datagram_over_it() -> None:
    assert recording("11..2211").moves() == [(4 * MS, 2), (6 * MS, 1)]


def test_the_resolution_is_the_longest_pause_of_the_sender() -> None:
    paused = Recording((Packet(0, 1, 1, 2), Packet(9 * MS, 1, 1, 2), Packet(10 * MS, 1, 1, 2)))
    assert paused.resolution_ns == 9 * MS


def test_a_part_of_a_recording_begins_at_a_moment() -> None:
    assert len(recording("1111").after(2 * MS).packets) == 2
