"""Reads the harness's database from outside, without Django: the harness forks.

Every question opens and closes a connection, so that no child inherits one.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

Rows = list[tuple[Any, ...]]


class Wish(NamedTuple):
    """Where the stored state wants a policy."""

    generation: int
    path: int


class Store:
    """The database of one run; ``url`` "" is SQLite in ``directory``."""

    def __init__(self, directory: Path, url: str) -> None:
        self._file = directory / "pathwarden.sqlite3"
        self._url = url

    def query(self, statement: str) -> Rows:
        """The rows of one statement."""
        if self._url:
            with psycopg.connect(self._url) as server:
                return server.execute(statement.encode()).fetchall()
        file = sqlite3.connect(self._file, timeout=20)
        try:
            return file.execute(statement).fetchall()
        finally:
            file.close()

    def wishes(self) -> dict[str, Wish]:
        """The state of every policy, by its uid."""
        rows = self.query(
            "SELECT p.uid, s.generation, s.active_path_id FROM sdwan_failover_states s "
            "JOIN sdwan_failover_policies p ON p.id = s.policy_id"
        )
        return {uid_text(uid): Wish(generation, path) for uid, generation, path in rows}

    def undone(self) -> int:
        """How many effects the monitor still owes; messages and traces are the clusters' to pay."""
        rows = self.query(
            "SELECT COUNT(*) FROM sdwan_outbox WHERE done_at IS NULL "
            "AND topic IN ('actuate', 'withdraw')"
        )
        return int(rows[0][0])

    def events(self) -> dict[str, list[tuple[int, str, int]]]:
        """(generation, type, target path) of all events by policy, as they were written."""
        rows = self.query(
            "SELECT policy_uid, generation, event_type, to_path_id FROM sdwan_failover_events "
            "ORDER BY id"
        )
        found: dict[str, list[tuple[int, str, int]]] = {}
        for uid, generation, kind, path in rows:
            found.setdefault(uid_text(uid), []).append((generation, kind, path))
        return found


def uid_text(value: Any) -> str:
    """A uid as Pathwarden writes it, whatever the database makes of it."""
    return str(value if isinstance(value, UUID) else UUID(str(value)))
