"""What a loop leaves to the next one, in files of the data directory: windows and names.

Losing the windows costs ten probes of warm-up, and names are resolved again, so every
error is a line in the log and no more.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from health.engine import checkpoint
from health.engine.observers import RoundObserver
from health.engine.path_monitor import PathMonitor
from health.engine.resolver import NameQuery

log = logging.getLogger(__name__)


class Legacy:
    """What a predecessor left; without a checkpoint everything begins anew."""

    def __init__(self, left: checkpoint.Checkpoint | None = None) -> None:
        self._left = left

    def restore(self, monitor: PathMonitor) -> None:
        """Fill the monitor of a new path."""
        if self._left is not None:
            checkpoint.restore(self._left, monitor)

    def restore_observers(self, observers: Iterable[RoundObserver]) -> None:
        """Let the observers of a new loop go on."""
        if self._left is not None:
            for observer in observers:
                checkpoint.restore_observer(self._left, observer)


def leave(
    file: Path,
    paths: Mapping[int, PathMonitor],
    observers: Iterable[RoundObserver] = (),
    *,
    now_ns: int,
    boot_id: str,
) -> None:
    """Write the checkpoint for a successor."""
    _write(file, checkpoint.take(paths, observers, now_ns=now_ns, boot_id=boot_id))


def take_up(file: Path, *, now_ns: int, boot_id: str) -> Legacy:
    """What a predecessor left.

    The file is used once: whatever it held, it is gone afterwards.
    """
    try:
        content = file.read_bytes()
        file.unlink()
        left = orjson.loads(content)
    except FileNotFoundError:
        return Legacy()
    except (OSError, orjson.JSONDecodeError) as error:
        log.warning("the predecessor's checkpoint can't be read: %s", error)
        return Legacy()
    if not checkpoint.is_valid(left, now_ns=now_ns, boot_id=boot_id):
        return Legacy()
    return Legacy(left)


def leave_names(file: Path, addresses: Mapping[NameQuery, str]) -> None:
    """Write down the last addresses of names: they count until new ones are found."""
    _write(file, [[query.name, query.uplink_key, text] for query, text in addresses.items()])


def take_up_names(file: Path) -> dict[NameQuery, str]:
    """The addresses that were written down last; the file stays."""
    try:
        left = orjson.loads(file.read_bytes())
        return {NameQuery(str(name), int(key)): str(text) for name, key, text in left}
    except FileNotFoundError:
        return {}
    except (OSError, TypeError, ValueError) as error:
        log.warning("the last addresses of names can't be read: %s", error)
        return {}


def _write(file: Path, content: object) -> None:
    private = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        private.write_bytes(orjson.dumps(content))
        private.replace(file)
    except OSError as error:
        log.warning("%s can't be written for the successor: %s", file.name, error)
