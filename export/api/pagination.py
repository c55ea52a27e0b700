"""Lists come in pages that stay right while rows are added: cursors, not offsets."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import pagination
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

_POSITION = re.compile(r"[0-9]{1,19}")
_BAD_CURSOR = "There is no page at this cursor; begin again without cursor."


class CursorPagination(pagination.CursorPagination):
    """Pages of 100, up to 1,000 with ``?page_size=``; ordered by id unless a view says else.

    Every ordering must be the id, one way or the other: a position is then a
    unique number, and rows with one timestamp never straddle a page.
    """

    page_size = 100
    page_size_query_param = "page_size"
    page_size_query_description = "Rows on a page, 1 to 1000; 100 unless given."
    cursor_query_description = "Taken from next or previous of another page; not to be made up."
    max_page_size = 1000
    ordering: str | tuple[str, ...] = "id"

    def get_page_size(self, request: Request) -> int:
        """As asked for; a ``ValidationError`` where DRF would quietly use another one."""
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= self.max_page_size):
            raise ValidationError(
                {
                    "page_size": [
                        f"page_size={text!r} is not a number from 1 to {self.max_page_size}."
                    ]
                }
            )
        return int(text)

    def decode_cursor(self, request: Request) -> pagination.Cursor | None:
        """The cursor, checked to be one of ours: a made-up one is no page, never an error."""
        if self.cursor_query_param not in request.query_params:
            return None
        cursor = super().decode_cursor(request)
        position = cursor.position if cursor is not None else None
        if position is None or _POSITION.fullmatch(str(position)) is None:
            raise NotFound(_BAD_CURSOR)
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """As DRF describes them, with bounds: an empty cursor is a mistake as well."""
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size}
            else:
                parameter["schema"] |= {"minLength": 1}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """As DRF describes it, with links that may be null and must be there."""
        described = super().get_paginated_response_schema(schema)
        described["required"] = ["next", "previous", "results"]
        return described


class NewestFirst(CursorPagination):
    """For append-only tables: the highest id is the newest row."""

    ordering = "-id"
