"""What one loop hands to the next, so that nobody warms up again.

Times are those of the monotonic clock, which all processes of a boot share;
probes under way are left out, their answers go nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from health.domain.status import PathStatus
from health.engine.path_monitor import PathMonitor
from health.engine.target_monitor import TargetMonitor

VERSION = 1
VALID_NS = 5_000_000_000
"""Older than this the past says too little about the present."""

Checkpoint = dict[str, Any]
"""JSON values only."""


def take(paths: Mapping[int, PathMonitor], *, now_ns: int, boot_id: str) -> Checkpoint:
    """Everything that ``restore`` needs to go on with ``paths``."""
    return {
        "version": VERSION,
        "boot_id": boot_id,
        "at_ns": now_ns,
        "paths": {monitor.spec.uid: _path_record(monitor) for monitor in paths.values()},
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
    )


def restore(checkpoint: Checkpoint, monitor: PathMonitor) -> None:
    """Let a fresh ``monitor`` go on where its predecessor stood, if it sends the same packets."""
    record = checkpoint["paths"].get(monitor.spec.uid)
    if record is None or record["wire"] != monitor.spec.wire_text():
        return
    monitor.status = PathStatus(record["status"])
    monitor.since_ns = record["since_ns"]
    for target, target_record in zip(monitor.targets, record["targets"], strict=True):
        _restore_target(target, target_record)


def _path_record(monitor: PathMonitor) -> dict[str, Any]:
    return {
        "wire": monitor.spec.wire_text(),
        "status": str(monitor.status),
        "since_ns": monitor.since_ns,
        "targets": [_target_record(target) for target in monitor.targets],
    }


def _target_record(target: TargetMonitor) -> dict[str, Any]:
    liveness = target.liveness
    return {
        "history": target.window.history(),
        "alive": liveness.alive,
        "loss_run": liveness.loss_run,
        "answers_in_a_row": liveness.answers_in_a_row,
        "settled": liveness.settled,
        "recovering": target.recovering,
        "checked_ns": target.checked_ns,
        "answered_ns": target.answered_ns,
    }


def _restore_target(target: TargetMonitor, record: dict[str, Any]) -> None:
    target.restore_window(record["history"])
    liveness = target.liveness
    liveness.alive = record["alive"]
    liveness.loss_run = record["loss_run"]
    liveness.answers_in_a_row = record["answers_in_a_row"]
    liveness.settled = record["settled"]
    target.recovering = record["recovering"]
    target.checked_ns = record["checked_ns"]
    target.answered_ns = record["answered_ns"]
