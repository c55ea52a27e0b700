"""The budget of a path is what its packets really weigh."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.probe_budget import (
    METERED_SANE_MB,
    MONTH_SECS,
    BudgetTarget,
    metered_warning,
    probe_budget,
)
from health.probers.icmp_packet import ECHO_BYTES
from health.probers.stamp_packet import PACKET_BYTES


def bytes_of_one(kind: str, address: str = "192.0.2.1", request: str = "") -> float:
    """Bytes of one probe with its answer."""
    budget = probe_budget(kind, [BudgetTarget(address, 1_000.0, request)])
    assert budget.bytes_per_month is not None
    return budget.bytes_per_month / MONTH_SECS


def test_an_echo_and_its_reply_weigh_what_the_prober_sends() -> None:
    assert bytes_of_one("icmp") == 2 * (20 + ECHO_BYTES)
    assert bytes_of_one("icmp", "2001:db8::1") == 2 * (40 + ECHO_BYTES)


def test_a_stamp_packet_and_its_reflection_weigh_what_the_prober_sends() -> None:
    assert bytes_of_one("stamp") == 2 * (20 + 8 + PACKET_BYTES)
    assert bytes_of_one("stamp", "2001:db8::1") == 2 * (40 + 8 + PACKET_BYTES)


def test_a_tcp_probe_is_a_handshake_and_a_reset() -> None:
    assert bytes_of_one("tcp") == 60 + 60 + 52 + 40
    assert bytes_of_one("tcp", "2001:db8::1") == 60 + 60 + 52 + 40 + 4 * 20


def test_answers_of_unknown_length_make_an_estimate() -> None:
    for kind in ("dns", "http"):
        assert not probe_budget(kind, [BudgetTarget("192.0.2.1", 1_000)]).is_exact
    assert probe_budget("icmp", [BudgetTarget("192.0.2.1", 1_000)]).is_exact


def test_a_longer_name_makes_a_longer_query_and_answer() -> None:
    short = bytes_of_one("dns", request="a.example A")
    assert bytes_of_one("dns", request="abcdef.example A") == short + 2 * 5


def test_a_tls_handshake_costs_more_than_a_plain_page() -> None:
    plain = bytes_of_one("http", request="http://example.com/")
    assert bytes_of_one("http", request="https://example.com/") > 2 * plain


def test_a_name_counts_as_the_larger_family_and_is_an_estimate() -> None:
    assert bytes_of_one("icmp", "gateway.example") == bytes_of_one("icmp", "2001:db8::1")
    assert not probe_budget("icmp", [BudgetTarget("gateway.example", 1_000)]).is_exact


def test_the_default_profile_to_three_targets_is_known_to_the_byte() -> None:
    budget = probe_budget("icmp", [BudgetTarget(f"192.0.2.{n}", 500) for n in (1, 2, 3)])
    assert budget.probes_per_sec == 6.0
    assert budget.mb_per_month == pytest.approx(6 * 88 * 2_592_000 / 1e6)


def test_a_kind_that_is_not_known_has_a_rate_and_no_bytes() -> None:
    budget = probe_budget("carrier-pigeon", [BudgetTarget("192.0.2.1", 250)])
    assert budget.probes_per_sec == 4.0
    assert budget.mb_per_month is None
    assert metered_warning(budget) == ""


def test_a_path_without_targets_costs_nothing() -> None:
    assert probe_budget("icmp", []).mb_per_month == 0.0


def test_the_metered_profile_is_modest_and_the_default_one_is_not() -> None:
    slow = probe_budget("icmp", [BudgetTarget(f"192.0.2.{n}", 10_000) for n in range(1, 6)])
    fast = probe_budget("icmp", [BudgetTarget("192.0.2.1", 500)])
    assert metered_warning(slow) == ""
    assert "456 MB a month" in metered_warning(fast)


@given(
    st.lists(
        st.builds(
            BudgetTarget,
            st.sampled_from(["192.0.2.1", "2001:db8::1", "a.example"]),
            st.floats(50, 600_000),
            st.just(""),
        ),
        max_size=8,
    ),
    st.sampled_from(["icmp", "stamp", "tcp", "dns", "http"]),
)
def test_targets_add_up_and_a_warning_comes_only_above_the_limit(
    targets: list[BudgetTarget], kind: str
) -> None:
    whole = probe_budget(kind, targets)
    parts = [probe_budget(kind, [target]) for target in targets]
    assert whole.probes_per_sec == pytest.approx(sum(part.probes_per_sec for part in parts))
    assert whole.bytes_per_month == pytest.approx(sum(p.bytes_per_month or 0 for p in parts))
    assert bool(metered_warning(whole)) == ((whole.mb_per_month or 0) > METERED_SANE_MB)


def test_the_documented_weights_are_those_of_the_function() -> None:
    text = (Path(__file__).parents[4] / "docs" / "uplinks.md").read_text("utf-8")
    rows = re.findall(r"^\| `(icmp|stamp|tcp)` \| (\d+) bytes \| (\d+) \|$", text, re.MULTILINE)
    assert {kind: (float(four), float(six)) for kind, four, six in rows} == {
        kind: (bytes_of_one(kind), bytes_of_one(kind, "2001:db8::1"))
        for kind in ("icmp", "stamp", "tcp")
    }
    assert f"more than {METERED_SANE_MB:g} MB a month" in text
