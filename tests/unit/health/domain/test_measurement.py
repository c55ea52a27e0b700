"""Which outcome is a loss, which a measurement, and which a fault of this host."""

from __future__ import annotations

from health.domain.measurement import Outcome


def test_own_faults_are_neither_loss_nor_measurement() -> None:
    for fault in (Outcome.MISCONFIGURED, Outcome.DENIED, Outcome.CONGESTED, Outcome.VOID):
        assert not fault.is_loss
        assert not fault.is_measurement


def test_loss_has_three_causes_and_each_is_a_measurement() -> None:
    assert {one for one in Outcome if one.is_loss} == {
        Outcome.LOST,
        Outcome.REFUSED,
        Outcome.LINK_DOWN,
    }
    assert {one for one in Outcome if one.is_measurement} == {
        Outcome.ANSWERED,
        *(one for one in Outcome if one.is_loss),
    }
