"""Is the database there? Said once when it goes and once when it comes back.

For one thread and its own connection, which is told not to wait long: whoever decides
must know within seconds that nothing can be stored.
"""

from __future__ import annotations

import logging

from django.db import connection

log = logging.getLogger(__name__)

PATIENCE_MS = 2000
"""How long a statement of this thread may take, waiting for locks included."""
_BRIEF = {
    "sqlite": f"PRAGMA busy_timeout = {PATIENCE_MS}",
    "postgresql": f"SET statement_timeout = {PATIENCE_MS}",
}


class DatabasePresence:
    """Whether the database answered last time; ``is_away`` may be read by any thread."""

    def __init__(self) -> None:
        self.is_away = False
        self._brief: object = None

    def be_brief(self) -> None:
        """Let no statement of this thread wait longer; raises what a lost database raises."""
        connection.ensure_connection()
        if connection.connection is self._brief:
            return
        with connection.cursor() as cursor:
            cursor.execute(_BRIEF[connection.vendor])
        self._brief = connection.connection

    def missed(self, error: Exception) -> None:
        """It did not answer: connect anew next time."""
        if not self.is_away:
            log.warning("the database is away, policies hold: %s", error)
        self.is_away = True
        self._brief = None
        connection.close()

    def answered(self) -> None:
        """It answered."""
        if self.is_away:
            log.warning("the database is back")
        self.is_away = False
