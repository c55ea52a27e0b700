"""The routes of ``/api/v1/``: thin, read-only, one file per family."""

from __future__ import annotations
