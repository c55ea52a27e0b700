"""Default routes are read when somebody needs them, at once when it is cheap, rarely when dear."""

from __future__ import annotations

import pytest

from health.domain.probe_route_facts import Facts
from health.domain.uplink_spec import ProbeRouteMode
from health.uplinks import survey as module
from health.uplinks.survey import Survey, families_needed
from tests.unit.health.domain.probe_route_worlds import WAN1, WAN2, default, uplink


class CountingKernel:
    """Two links and one default route; every look at default routes takes ``cost_secs``."""

    def __init__(self) -> None:
        self.looks: list[tuple[int, int]] = []
        self.cost_secs = 0.001
        self.clock = 0.0

    def link(self, name: str):
        return {"wan1": WAN1, "wan2": WAN2}.get(name)

    def addresses(self):
        return ()

    def default_routes(self, family: int, ifindex: int):
        self.looks.append((family, ifindex))
        self.clock += self.cost_secs
        return [default("192.0.2.1")] if family == 4 else []


@pytest.fixture
def kernel(monkeypatch) -> CountingKernel:
    made = CountingKernel()
    monkeypatch.setattr(module.time, "monotonic", lambda: made.clock)
    return made


def look(survey: Survey, now: float) -> Facts:
    return survey.facts([uplink(gateway6="fe80::1")], now)


def test_only_automatic_gateways_of_managed_uplinks_need_default_routes():
    assert families_needed(
        [
            uplink(1, gateway="192.0.2.1"),
            uplink(2, interface="wan1", gateway6="fe80::1"),
            uplink(3, mode=ProbeRouteMode.EXTERNAL),
            uplink(4, mode=ProbeRouteMode.NONE),
            uplink(5, interface="", mode=ProbeRouteMode.NONE),
        ]
    ) == {"wan1": {4, 6}, "wan3": set(), "wan4": set()}


def test_cheap_looks_follow_every_change_and_repeat_in_5_seconds(kernel):
    survey = Survey(kernel)
    assert look(survey, 100.0).defaults == (default("192.0.2.1"),)
    look(survey, 104.9)
    assert kernel.looks == [(4, 11)]
    survey.forget_defaults()
    look(survey, 104.91)
    look(survey, 109.92)
    assert kernel.looks == [(4, 11)] * 3


def test_dear_looks_are_rare_and_the_last_result_stands_meanwhile(kernel):
    kernel.cost_secs = 2.0
    survey = Survey(kernel)
    look(survey, 100.0)
    survey.forget_defaults()
    assert look(survey, 109.9).defaults == (default("192.0.2.1"),)
    assert len(kernel.looks) == 1
    survey.forget_defaults()
    look(survey, 110.0)  # a fifth of the time at most
    assert len(kernel.looks) == 2
    look(survey, 309.9)  # and a hundredth when nothing has changed
    assert len(kernel.looks) == 2
    look(survey, 310.0)
    assert len(kernel.looks) == 3
