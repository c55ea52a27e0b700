"""Each way out of a host has an identifier of its own, as long as there are any."""

from __future__ import annotations

import pytest

from health.probers.base import WireTarget
from health.probers.icmp_identifiers import (
    GROUP_BITS,
    RANDOM_MASK,
    Group,
    GroupIdentifiers,
    group_of,
    identifiers_of,
    random_part,
)


def group(number: int) -> Group:
    return "192.0.2.1", f"wan{number}", number, 0


def test_lanes_that_leave_alike_share_an_identifier_whatever_they_probe() -> None:
    one = WireTarget("203.0.113.1", source="192.0.2.1", interface="wan1", fwmark=7)
    assert group_of(one) == group_of(one._replace(address="203.0.113.2", dscp=46, port=9))


@pytest.mark.parametrize(
    "other",
    [{"source": "192.0.2.2"}, {"interface": "wan2"}, {"interface_index": 9}, {"fwmark": 8}],
)
def test_another_source_interface_index_or_mark_is_another_group(
    other: dict[str, str | int],
) -> None:
    one = WireTarget("203.0.113.1", source="192.0.2.1", interface="wan1", fwmark=7)
    assert group_of(one) != group_of(one._replace(**other))


def test_a_group_keeps_its_identifier_until_its_last_lane_is_gone() -> None:
    identifiers = GroupIdentifiers([1, 2, 3])
    assert [identifiers.take(group(n)) for n in (1, 1, 2)] == [1, 1, 2]
    identifiers.give_back(group(1))
    assert identifiers.take(group(1)) == 1
    for _ in range(2):
        identifiers.give_back(group(1))
    assert identifiers.in_use
    identifiers.give_back(group(2))
    assert not identifiers.in_use


def test_what_was_given_back_is_lent_again_only_after_all_others() -> None:
    identifiers = GroupIdentifiers([1, 2, 3, 9])
    identifiers.take(group(1))
    identifiers.give_back(group(1))
    assert [identifiers.take(group(n)) for n in (2, 3, 4)] == [2, 3, 1]


def test_groups_beyond_the_last_identifier_share_it() -> None:
    identifiers = GroupIdentifiers([1, 2, 9])
    assert [identifiers.take(group(n)) for n in range(5)] == [1, 2, 9, 9, 9]
    identifiers.give_back(group(3))
    assert identifiers.take(group(5)) == 9  # still in use by others, and never lent alone
    identifiers.give_back(group(0))
    assert identifiers.take(group(6)) == 1


def test_the_only_identifier_of_a_socket_is_that_of_all_groups() -> None:
    identifiers = GroupIdentifiers([7])
    assert {identifiers.take(group(n)) for n in range(3)} == {7}


def test_all_identifiers_of_a_socket_agree_in_the_random_part_and_nowhere_else() -> None:
    common = random_part()
    identifiers = identifiers_of(common)
    assert {identifier & RANDOM_MASK for identifier in identifiers} == {common}
    assert len(set(identifiers)) == len(identifiers) == 1 << GROUP_BITS


def test_the_random_part_is_never_that_of_small_numbers() -> None:
    assert all(0 < random_part() <= RANDOM_MASK for _ in range(20_000))
