"""Many rows by one statement: they travel as one JSON text, which the database takes apart.

The thread that writes shares the interpreter with the loop that sends. A parameter
for each value costs it there: psycopg turns them into text one by one, in Python.
One text costs orjson two microseconds a row; everything else is done by the database, while
the loop has the interpreter. Knows tables and columns, not what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from django.db import connection
from django.db.models import BinaryField, CharField, Field, JSONField, Model

ROWS_PER_STATEMENT = 500
"""Making the text of so many holds the interpreter for about a millisecond."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class BulkInsert:
    """Rows of ``columns`` into the table of ``model``, replacing those with the same key.

    The first ``key_columns`` columns are the key; with 0 rows are only added. ``condition``
    is SQL that says which rows to take: it sees them as the table ``given`` and may hold
    placeholders (%s). A binary column can only be the last.

    Values are what orjson writes: numbers, texts, booleans, None, for JSON columns lists,
    dictionaries or an ``orjson.Fragment``, for the binary column bytes. Floats arrive
    exactly on PostgreSQL and within one unit in the last place on SQLite, which
    reads decimals that way.
    """

    model: type[Model]
    columns: Sequence[str]
    key_columns: int = 0
    condition: str = "true"

    def write(self, rows: Iterable[Row], *values: Any) -> None:
        """Insert ``rows``; ``values`` are those of the condition's placeholders.

        Raises ``DatabaseError``; belongs in a transaction, because it may take several
        statements. No key may come twice.
        """
        statement = self._statement()
        with connection.cursor() as cursor:
            for part in _in_parts(rows, ROWS_PER_STATEMENT):
                cursor.execute(statement, [*self._parameters(part), *values])

    def _parameters(self, rows: list[Row]) -> list[Any]:
        """The rows as JSON; before it, for a binary column, its values one after another."""
        if not self._has_binary:
            return [orjson.dumps(rows).decode()]
        placed: list[Row] = []
        first = 1  # SQL counts bytes from one
        for row in rows:
            placed.append((*row[:-1], first, len(row[-1])))
            first += len(row[-1])
        return [b"".join([row[-1] for row in rows]), orjson.dumps(placed).decode()]

    def _statement(self) -> str:
        quote = connection.ops.quote_name
        names = [quote(column) for column in self.columns]
        cells = ", ".join(
            f"{_cell(number, field)} AS {name}"
            for number, (name, field) in enumerate(zip(names, self._fields, strict=True))
        )
        updates = ", ".join(f"{name} = excluded.{name}" for name in names[self.key_columns :])
        conflict = f" ON CONFLICT ({', '.join(names[: self.key_columns])}) DO UPDATE SET {updates}"
        # The limit takes nothing away: it keeps SQLite from writing each row out anew for each
        # of its cells, three times as dear, as it does where it merges the two selections.
        texts = f"(SELECT value FROM {_elements()} LIMIT {ROWS_PER_STATEMENT}) AS texts"  # noqa: S608 - names are constants
        return (
            f"INSERT INTO {quote(self.model._meta.db_table)} ({', '.join(names)}) "  # noqa: S608 - names are constants
            f"SELECT {', '.join(names)} FROM (SELECT {cells} FROM {texts}) AS given "
            f"WHERE {self.condition}{conflict if self.key_columns else ''}"
        )

    @property
    def _fields(self) -> list[Field[Any, Any]]:
        by_column = {field.column: field for field in self.model._meta.concrete_fields}
        return [by_column[column] for column in self.columns]

    @property
    def _has_binary(self) -> bool:
        return isinstance(self._fields[-1], BinaryField)


def _elements() -> str:
    """The table function that gives a ``value`` for each element of a JSON array."""
    if connection.vendor == "sqlite":
        return "json_each(%s)"
    return "jsonb_array_elements(CAST(%s AS jsonb))"


def _cell(number: int, field: Field[Any, Any]) -> str:
    """Element ``number`` of the JSON array ``value``, as the type of ``field``."""
    if isinstance(field, BinaryField):
        return f"substr(%s, {_number_at(number)}, {_number_at(number + 1)})"
    if connection.vendor == "sqlite":  # the column gives the type
        return f"json_extract(value, '$[{number}]')"
    if isinstance(field, JSONField):
        return f"value -> {number}"
    # A cast to varchar(n) would shorten; without length the column refuses what is too long.
    kind = "text" if isinstance(field, CharField) else field.db_type(connection)
    return f"CAST(value ->> {number} AS {kind})"


def _number_at(number: int) -> str:
    if connection.vendor == "sqlite":
        return f"json_extract(value, '$[{number}]')"
    return f"CAST(value ->> {number} AS integer)"


def _in_parts(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """``rows`` in parts of up to ``size``, each made when it is wanted."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
