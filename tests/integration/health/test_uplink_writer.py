"""Uplinks and their traffic become rows: once, added up, and only by who holds the lease."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from health.domain.traffic import CounterReading, Counts, Growth
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.models import CurrentUplink, Uplink, UplinkTraffic
from health.monitoring import uplink_writer
from health.monitoring.uplink_writer import UplinkBatch, UplinkRow, write_uplinks
from health.selectors.uplinks import uplink_meters
from tests.factories import MonitorLeaseFactory, UplinkFactory

SLOT = 1_700_000_000

pytestmark = pytest.mark.django_db


def row(uplink: Uplink, **changes: object) -> UplinkRow:
    values: dict[str, object] = {
        "state": UplinkState(
            uplink.pk, LinkState.UP, RouteState.VERIFIED, RouteState.UNUSABLE, "wan0", 4,
            "192.0.2.7", "2001:db8::7", "192.0.2.1", "fe80::1", 0, "x" * 500,
        ),
        "updated_at": SLOT + 10.5,
        "receive_bps": 8_000.0,
        "transmit_bps": None,
        "totals": Counts(*range(1, 9)),
        "counted_at": SLOT + 10.0,
        "last": CounterReading(77, 4, Counts(*range(11, 19))),
        "identity": "boot net:[1]",
    }  # fmt: skip
    return UplinkRow(**(values | changes))  # type: ignore[arg-type] # any field


def test_a_state_with_its_counters_becomes_the_present_of_the_uplink() -> None:
    uplink = UplinkFactory()
    write_uplinks(UplinkBatch([row(uplink)]), epoch=1)
    stored = CurrentUplink.objects.get()
    assert stored.uplink == uplink
    assert (stored.link, stored.route, stored.route6) == ("up", "verified", "unusable")
    assert (stored.source, stored.source6) == ("192.0.2.7", "2001:db8::7")
    assert (stored.gateway, stored.gateway6) == ("192.0.2.1", "fe80::1")
    assert stored.detail == "x" * 400
    assert (stored.receive_bps, stored.transmit_bps) == (8_000.0, None)
    assert (stored.receive_bytes, stored.transmit_drops) == (1, 8)
    assert stored.counted_at == SLOT + 10.0


def test_the_present_is_replaced() -> None:
    uplink = UplinkFactory()
    write_uplinks(UplinkBatch([row(uplink)]), epoch=1)
    write_uplinks(UplinkBatch([row(uplink, receive_bps=None, totals=Counts(50))]), epoch=1)
    stored = CurrentUplink.objects.get()
    assert stored.receive_bps is None
    assert (stored.receive_bytes, stored.transmit_bytes) == (50, 0)


def test_a_slot_that_is_written_twice_grows() -> None:
    uplink = UplinkFactory()
    for secs, count_bytes in ((4.0, 300), (6.0, 700)):
        part = Growth(secs, Counts(receive_bytes=count_bytes, transmit_errors=1))
        write_uplinks(UplinkBatch([], {(SLOT, uplink.pk): part}), epoch=1)
    stored = UplinkTraffic.objects.get()
    assert stored.timestamp == SLOT
    assert stored.secs == 10.0
    assert (stored.receive_bytes, stored.transmit_errors) == (1_000, 2)


def test_counters_beyond_32_bits_are_kept_whole() -> None:
    uplink = UplinkFactory()
    much = Counts(receive_bytes=2**62)
    batch = UplinkBatch([row(uplink, totals=much)], {(SLOT, uplink.pk): Growth(10.0, much)})
    write_uplinks(batch, epoch=1)
    assert CurrentUplink.objects.get().receive_bytes == 2**62
    assert UplinkTraffic.objects.get().receive_bytes == 2**62


def test_deleted_uplinks_are_left_out_and_the_others_written() -> None:
    gone, kept = UplinkFactory(), UplinkFactory()
    batch = UplinkBatch(
        [row(gone), row(kept)],
        {(SLOT, one.pk): Growth(10.0, Counts(5)) for one in (gone, kept)},
    )
    gone.delete()
    write_uplinks(batch, epoch=1)
    assert CurrentUplink.objects.get().uplink == kept
    assert UplinkTraffic.objects.get().uplink_id == kept.pk


def test_who_lost_the_lease_counts_nothing_twice() -> None:
    uplink = UplinkFactory()
    MonitorLeaseFactory(vantage=uplink.vantage, epoch=5)
    batch = UplinkBatch([row(uplink)], {(SLOT, uplink.pk): Growth(10.0, Counts(5))})
    write_uplinks(batch, epoch=4)
    assert not CurrentUplink.objects.exists()
    assert not UplinkTraffic.objects.exists()
    write_uplinks(batch, epoch=5)
    assert CurrentUplink.objects.exists()
    assert UplinkTraffic.objects.exists()


def test_a_batch_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    uplink = UplinkFactory()
    monkeypatch.setattr(uplink_writer, "CURRENT_COLUMNS", ("no_such_column",))
    batch = UplinkBatch([row(uplink)], {(SLOT, uplink.pk): Growth(10.0, Counts(5))})
    with pytest.raises(Exception):  # noqa: B017 - the drivers differ
        write_uplinks(batch, epoch=1)
    assert not UplinkTraffic.objects.exists()


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size() -> None:
    def statements(uplinks: list[Uplink]) -> int:
        batch = UplinkBatch(
            [row(one) for one in uplinks],
            {(SLOT, one.pk): Growth(10.0, Counts(5)) for one in uplinks},
        )
        with CaptureQueriesContext(
            connection,
        ) as queries:
            write_uplinks(batch, epoch=1)
        return len(queries)

    assert statements([UplinkFactory()]) == statements(UplinkFactory.create_batch(5))


def test_meters_go_on_from_what_was_written_if_the_counters_are_the_same() -> None:
    uplink = UplinkFactory()
    write_uplinks(UplinkBatch([row(uplink)]), epoch=1)
    meter = uplink_meters([uplink.pk], identity="boot net:[1]")[uplink.pk]
    assert meter.totals == Counts(*range(1, 9))
    assert meter.last == CounterReading(77, 4, Counts(*range(11, 19)))


def test_after_a_reboot_only_the_totals_go_on() -> None:
    uplink = UplinkFactory()
    write_uplinks(UplinkBatch([row(uplink)]), epoch=1)
    meter = uplink_meters([uplink.pk], identity="another boot net:[1]")[uplink.pk]
    assert meter.totals == Counts(*range(1, 9))
    assert meter.last is None
