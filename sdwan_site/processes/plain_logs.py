"""Log lines like those of the other processes (sdwan_site/logs.py), without structlog.

For the supervisor, which imports nothing but the standard library.
"""

from __future__ import annotations

import json
import logging
import time


def configure_logging(log_format: str) -> None:
    """Log to stderr from INFO on, in ``log_format`` "console" or "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if log_format == "json" else _Console())
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _timestamp(record: logging.LogRecord) -> str:
    secs, micros = divmod(int(record.created * 1e6), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(secs))}.{micros:06d}Z"


class _Console(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        level = record.levelname.lower()
        return f"{_timestamp(record)} [{level:<9}] {record.message} [{record.name}]"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": _timestamp(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
