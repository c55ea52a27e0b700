"""Which received packet answers which probe."""

from __future__ import annotations

import pytest

from health.domain.measurement import Outcome, Rejection
from health.probers.base import SendError
from health.probers.slots import MAX_SCAN, REMEMBER_NS, SLOTS, Outstanding, SlotTable

PEER = ("192.0.2.1", 862)
SECOND = 1_000_000_000


def sent(table: SlotTable, now_ns: int = 0, proof: bytes = b"proof", timeout: int = SECOND) -> int:
    probe_id = table.claim(now_ns)
    probe: Outstanding = (probe_id, PEER, proof, now_ns, now_ns, timeout)
    table.open(probe)
    return probe_id


def settled(table: SlotTable, probe_id: int, now_ns: int = 0) -> None:
    probe = table.find(probe_id)
    assert probe is not None
    table.settle(probe, now_ns)


def test_a_sent_probe_is_found_by_its_low_16_bits() -> None:
    table = SlotTable()
    probe_id = sent(table)
    found = table.find(probe_id + SLOTS)
    assert found is not None
    assert found[0] == probe_id


def test_probe_ids_are_never_used_twice_although_slots_are() -> None:
    table = SlotTable()
    seen = set()
    for _ in range(SLOTS + 10):
        probe_id = sent(table)
        seen.add(probe_id)
        settled(table, probe_id)
    assert len(seen) == SLOTS + 10


def test_a_live_slot_is_passed_over_and_not_reused() -> None:
    table = SlotTable()
    slow = sent(table, timeout=60 * SECOND)
    for _ in range(SLOTS - 1):
        settled(table, sent(table))
    following = sent(table)
    assert following % SLOTS == slow % SLOTS + 1
    still_there = table.find(slow)
    assert still_there is not None
    assert still_there[0] == slow


def test_a_full_table_refuses_the_probe_as_congested_and_counts_it() -> None:
    table = SlotTable()
    for _ in range(SLOTS):
        sent(table)
    with pytest.raises(SendError, match="65536 probes are outstanding") as refusal:
        table.claim(0)
    assert refusal.value.outcome is Outcome.CONGESTED
    assert table.exhausted == 1


def test_a_full_table_looks_further_with_each_refusal() -> None:
    table = SlotTable()
    ids = [sent(table) for _ in range(SLOTS)]
    settled(table, ids[MAX_SCAN + 5])
    with pytest.raises(SendError):
        table.claim(0)
    assert table.claim(0) % SLOTS == MAX_SCAN + 5


def test_a_probe_nobody_settled_gives_its_slot_back_ten_seconds_after_its_timeout() -> None:
    table = SlotTable()
    for _ in range(SLOTS):
        sent(table, now_ns=0, timeout=SECOND)
    with pytest.raises(SendError):
        table.claim(SECOND + REMEMBER_NS)
    assert table.claim(SECOND + REMEMBER_NS + 1) >= SLOTS


def test_an_answer_to_an_answered_probe_is_a_duplicate() -> None:
    table = SlotTable()
    probe_id = sent(table)
    settled(table, probe_id)
    assert table.find(probe_id) is None
    assert table.explain(probe_id, PEER, b"proof", 0) is Rejection.DUPLICATE


def test_an_answer_to_a_forgotten_probe_is_late_for_ten_seconds_then_foreign() -> None:
    table = SlotTable()
    probe_id = sent(table)
    table.forget(probe_id, 5)
    assert table.find(probe_id) is None
    assert table.explain(probe_id, PEER, b"proof", 5 + REMEMBER_NS) is Rejection.LATE
    assert table.explain(probe_id, PEER, b"proof", 6 + REMEMBER_NS) is Rejection.FOREIGN


@pytest.mark.parametrize(
    ("peer", "proof"),
    [(("192.0.2.2", 862), b"proof"), (("192.0.2.1", 863), b"proof"), (PEER, b"other")],
)
def test_a_packet_that_only_resembles_a_settled_answer_is_foreign(
    peer: tuple[str, int], proof: bytes
) -> None:
    table = SlotTable()
    probe_id = sent(table)
    table.forget(probe_id, 0)
    assert table.explain(probe_id, peer, proof, 0) is Rejection.FOREIGN


def test_a_proof_may_be_a_number() -> None:
    table = SlotTable()
    probe_id = table.claim(0)
    table.open((probe_id, PEER, 2**64 - 1, 0, 0, SECOND))
    settled(table, probe_id)
    assert table.explain(probe_id, PEER, 2**64 - 1, 0) is Rejection.DUPLICATE
    assert table.explain(probe_id, PEER, 2**64 - 2, 0) is Rejection.FOREIGN


def test_a_packet_for_a_slot_never_used_is_foreign() -> None:
    assert SlotTable().explain(7, PEER, b"proof", 0) is Rejection.FOREIGN


def test_a_late_answer_is_recognised_even_when_its_slot_is_in_use_again() -> None:
    table = SlotTable()
    first = sent(table, proof=b"first")
    table.forget(first, 0)
    for _ in range(SLOTS - 1):
        settled(table, sent(table))
    second = sent(table, proof=b"second")
    assert second % SLOTS == first % SLOTS
    assert table.explain(first, PEER, b"first", 0) is Rejection.LATE


def test_forgetting_an_old_probe_leaves_its_successor_in_the_slot_alone() -> None:
    table = SlotTable()
    first = sent(table)
    settled(table, first)
    for _ in range(SLOTS - 1):
        settled(table, sent(table))
    second = sent(table)
    table.forget(first, 0)
    found = table.find(second)
    assert found is not None
    assert found[0] == second
