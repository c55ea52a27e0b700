"""What the engine is told: never more than is known, and a sentence only for what is wrong."""

from __future__ import annotations

import pytest

from health.domain.uplink_spec import ProbeRouteMode
from health.domain.uplink_state import LinkState, RouteState
from health.uplinks.reconciler import is_addressless
from health.uplinks.states import first_states, routed_state, unmanaged_state
from health.uplinks.verification import FamilyVerdict
from tests.unit.health.domain.probe_route_worlds import WAN1, address, uplink, world

GOOD = FamilyVerdict(RouteState.VERIFIED, "192.0.2.5", "192.0.2.1")
BAD = FamilyVerdict(RouteState.UNUSABLE, problem="IPv4 is broken: mend it")
ABSENT = FamilyVerdict(RouteState.UNUSABLE, problem="no IPv6 here", absent=True)


def test_before_anybody_has_looked_no_required_route_is_usable():
    first = first_states([uplink(1), uplink(2, mode=ProbeRouteMode.NONE)])
    assert (first[1].link, first[1].route) == (LinkState.UNKNOWN, RouteState.PENDING)
    assert (first[2].link, first[2].route) == (LinkState.UNKNOWN, RouteState.NOT_NEEDED)
    assert first[2].detail == ""


@pytest.mark.parametrize(
    ("four", "six", "detail"),
    [
        (GOOD, ABSENT, ""),
        (GOOD, GOOD, ""),
        (BAD, GOOD, "IPv4 is broken: mend it"),
        (BAD, ABSENT, "IPv4 is broken: mend it"),
        (ABSENT, ABSENT, "no IPv6 here"),
        (BAD, FamilyVerdict(RouteState.UNUSABLE, problem="x" * 500), None),
    ],
)
def test_the_detail_tells_what_is_wrong_and_not_what_is_merely_absent(four, six, detail):
    state = routed_state(uplink(), WAN1, four, six)
    assert len(state.detail) <= 400
    if detail is None:
        assert state.detail.endswith("…")
    else:
        assert state.detail == detail


def test_a_link_without_carrier_is_down_with_the_reason():
    spec = uplink(mode=ProbeRouteMode.NONE)
    state = unmanaged_state(spec, WAN1._replace(running=False))
    assert state.link is LinkState.DOWN
    assert "no carrier" in state.detail
    assert unmanaged_state(spec, WAN1).detail == ""


def test_an_uplink_is_without_address_only_where_it_should_have_one_by_itself():
    nothing = world(address("fe80::1", is_global=False))
    assert is_addressless(uplink(), nothing)
    assert not is_addressless(uplink(), world(address("192.0.2.5")))
    assert not is_addressless(uplink(), world(address("2001:db8::5")))
    assert not is_addressless(uplink(source="192.0.2.5"), nothing)
    assert not is_addressless(uplink(mode=ProbeRouteMode.NONE), nothing)
    assert not is_addressless(uplink(interface="gone0"), nothing)
