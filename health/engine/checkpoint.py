"""What one loop hands to the next, so that nobody warms up again.

Times are those of the monotonic clock, which all processes of a boot share;
probes under way are left out, their answers go nowhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from health.engine.observers import RoundObserver
from health.engine.path_monitor import PathMonitor

log = logging.getLogger(__name__)

VERSION = 3
VALID_NS = 5_000_000_000
"""Older than this the past says too little about the present."""

Checkpoint = dict[str, Any]
"""JSON values only."""


def take(
    paths: Mapping[int, PathMonitor],
    observers: Iterable[RoundObserver] = (),
    *,
    now_ns: int,
    boot_id: str,
) -> Checkpoint:
    """Everything that is needed to go on with ``paths`` and with what ``observers`` know."""
    return {
        "version": VERSION,
        "boot_id": boot_id,
        "at_ns": now_ns,
        "paths": {monitor.spec.uid: monitor.record() for monitor in paths.values()},
        "observers": {_name(observer): observer.record() for observer in observers},
    }


def is_valid(checkpoint: object, *, now_ns: int, boot_id: str) -> TypeGuard[Checkpoint]:
    """True for a checkpoint of this release and boot that is fresh; anything else is not one."""
    if not isinstance(checkpoint, dict) or checkpoint.get("version") != VERSION:
        return False
    at_ns = checkpoint.get("at_ns")
    return (
        checkpoint.get("boot_id") == boot_id
        and isinstance(at_ns, int)
        and 0 <= now_ns - at_ns <= VALID_NS
        and isinstance(checkpoint.get("paths"), dict)
        and isinstance(checkpoint.get("observers"), dict)
    )


def restore(checkpoint: Checkpoint, monitor: PathMonitor) -> None:
    """Let a fresh ``monitor`` go on where its predecessor stood, if it sends the same packets."""
    record = checkpoint["paths"].get(monitor.spec.uid)
    if record is not None:
        monitor.restore(record)


def restore_observer(checkpoint: Checkpoint, observer: RoundObserver) -> None:
    """Let a fresh ``observer`` go on where its predecessor of the same class stood."""
    record = checkpoint["observers"].get(_name(observer))
    if record is None:
        return
    try:
        observer.restore(record)
    except Exception:
        # What it left is a head start; without it the observer begins anew.
        log.exception("observer %s can't read what its predecessor left", _name(observer))


def _name(observer: RoundObserver) -> str:
    return type(observer).__name__
