"""The file in which a loop leaves its windows to the next one, in the data directory.

Losing it costs ten probes of warm-up, so every error is a line in the log and no more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from health.engine import checkpoint
from health.engine.path_monitor import PathMonitor

log = logging.getLogger(__name__)


def leave(file: Path, paths: Mapping[int, PathMonitor], *, now_ns: int, boot_id: str) -> None:
    """Write the checkpoint for a successor."""
    content = orjson.dumps(checkpoint.take(paths, now_ns=now_ns, boot_id=boot_id))
    private = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        private.write_bytes(content)
        private.replace(file)
    except OSError as error:
        log.warning("no checkpoint for the successor: %s", error)


def take_up(file: Path, *, now_ns: int, boot_id: str) -> Callable[[PathMonitor], None]:
    """How to fill new monitors from what a predecessor left; does nothing without it.

    The file is used once: whatever it held, it is gone afterwards.
    """
    try:
        content = file.read_bytes()
        file.unlink()
        left = orjson.loads(content)
    except FileNotFoundError:
        return lambda monitor: None
    except (OSError, orjson.JSONDecodeError) as error:
        log.warning("the predecessor's checkpoint can't be read: %s", error)
        return lambda monitor: None
    if not checkpoint.is_valid(left, now_ns=now_ns, boot_id=boot_id):
        return lambda monitor: None
    return lambda monitor: checkpoint.restore(left, monitor)
