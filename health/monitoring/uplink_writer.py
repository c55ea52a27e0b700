"""Writes what uplinks are and carry: their present, and the slots of their traffic.

Raw statements in one transaction, like ``health.monitoring.writer``. The totals go with
the reading they were counted from, so that a batch is counted once or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connection, transaction

from health.domain.traffic import CounterReading, Counts, Growth
from health.domain.uplink_state import UplinkState
from health.models import CurrentUplink, Uplink, UplinkTraffic

TRAFFIC_COLUMNS = ("timestamp", "uplink_id", "secs", *Counts._fields)
CURRENT_COLUMNS = (
    "uplink_id", "updated_at", "link", "route", "route6", "interface", "source", "source6",
    "gateway", "gateway6", "detail", "receive_bps", "transmit_bps", "counted_at", "baseline",
    *Counts._fields,
)  # fmt: skip
MAX_DETAIL = 400


@dataclass(frozen=True, slots=True)
class UplinkRow:
    """The present of one uplink; rates in bits per second, moments in seconds since 1970, UTC.

    ``identity`` says whose counters ``last`` are (``link_counters.counters_identity``).
    """

    state: UplinkState
    updated_at: float
    receive_bps: float | None
    transmit_bps: float | None
    totals: Counts
    counted_at: float | None
    last: CounterReading | None
    identity: str


@dataclass(slots=True)
class UplinkBatch:
    """What is written in one transaction; traffic by (slot, key of the uplink)."""

    current: list[UplinkRow] = field(default_factory=list)
    traffic: dict[tuple[int, int], Growth] = field(default_factory=dict)


def write_uplinks(batch: UplinkBatch, *, epoch: int) -> None:
    """Write ``batch`` in one transaction; raises ``DatabaseError`` and then writes nothing.

    A slot that is there already grows. Rows of uplinks that were deleted are left out, and
    so is everything of a holder with an older ``epoch`` than the lease has now: its
    successor counts on from the last reading that was written.
    """
    with transaction.atomic():
        epochs = Uplink.objects.values_list("pk", "vantage__lease__epoch")
        judged = frozenset(key for key, present in epochs if (present or 0) <= epoch)
        _execute(
            _statement(UplinkTraffic._meta.db_table, TRAFFIC_COLUMNS, keys=2, adds=True),
            [
                (slot, key, grown.secs, *grown.counts)
                for (slot, key), grown in sorted(batch.traffic.items())
                if key in judged
            ],
        )
        _execute(
            _statement(CurrentUplink._meta.db_table, CURRENT_COLUMNS, keys=1, adds=False),
            [_current_values(row) for row in batch.current if row.state.key in judged],
        )


def _current_values(row: UplinkRow) -> tuple[Any, ...]:
    state = row.state
    return (
        state.key, row.updated_at, str(state.link), str(state.route), str(state.route6),
        state.interface, state.source, state.source6, state.gateway, state.gateway6,
        state.detail[:MAX_DETAIL], row.receive_bps, row.transmit_bps, row.counted_at,
        orjson.dumps(_baseline(row)).decode(), *row.totals,
    )  # fmt: skip


def _baseline(row: UplinkRow) -> dict[str, Any]:
    if row.last is None:
        return {}
    last = row.last
    return {
        "identity": row.identity,
        "at_ns": last.at_ns,
        "index": last.index,
        "counts": list(last.counts),
    }


def _statement(table: str, columns: Sequence[str], *, keys: int, adds: bool) -> str:
    """An insert that replaces the row of the same leading ``keys`` columns, or adds to it."""
    quote = connection.ops.quote_name
    named = [quote(column) for column in columns]
    stored = f"{quote(table)}." if adds else ""
    updates = ", ".join(
        f"{name} = {stored}{name} + excluded.{name}" if adds else f"{name} = excluded.{name}"
        for name in named[keys:]
    )
    return (
        f"INSERT INTO {quote(table)} ({', '.join(named)}) "  # noqa: S608 - names are constants
        f"VALUES ({', '.join(['%s'] * len(named))}) "
        f"ON CONFLICT ({', '.join(named[:keys])}) DO UPDATE SET {updates}"
    )


def _execute(statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    listed = list(rows)
    if listed:
        with connection.cursor() as cursor:
            cursor.executemany(statement, listed)
