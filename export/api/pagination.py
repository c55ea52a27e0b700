"""Lists come in pages that stay right while rows are added: cursors, not offsets."""

from __future__ import annotations

from rest_framework import pagination


class CursorPagination(pagination.CursorPagination):
    """Pages of 100, up to 1,000 with ``?page_size=``; ordered by id unless a view says else."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    ordering: str | tuple[str, ...] = "id"
