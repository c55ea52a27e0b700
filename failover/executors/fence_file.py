"""The fence of executors that change this host: on disk, beside the kernel's state.

One file per policy, written before the kernel is touched: whoever is killed in between
leaves an order that its successor may repeat and that nobody older can undo. It also has
what the order and its predecessor made, so that everything of ours can be found again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from failover.executors.base import Change, ExecutorError
from failover.executors.changes import RouteChange, RuleChange, Selectors
from failover.executors.fence import Fence, Passed

log = logging.getLogger(__name__)

TURN_SECS = 1.0
"""How long to wait for another process that carries out an order of the same policy.

As long as a successor waits anyhow before it acts; whoever takes longer is frozen, and
must not keep the living from acting.
"""
_POLL_SECS = 0.01
_VERSION = 1


class FileFence(Fence):
    """The newest order per policy, in files of ``folder``; processes share it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    @contextmanager
    def turn(self, policy_uid: str) -> Iterator[None]:
        """Hold the policy's lock file; without it after ``TURN_SECS``, as nobody may block us."""
        lock = self._open_lock(policy_uid)
        try:
            deadline = time.monotonic() + TURN_SECS
            while not _locked(lock):
                if time.monotonic() >= deadline:
                    log.warning("another process holds %s; going on without", policy_uid)
                    break
                time.sleep(_POLL_SECS)
            yield
        finally:
            os.close(lock)

    def _open_lock(self, policy_uid: str) -> int:
        file = self._file(policy_uid, "lock")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(file, error) from error

    def passed(self, policy_uid: str) -> Passed | None:
        """The newest order on disk; raises ``ExecutorError`` when the file can't be read."""
        file = self._file(policy_uid)
        try:
            return _from_json(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ExecutorError(
                f"The fence file {file} can't be read ({error}): nothing is changed without it. "
                "Delete it when no other monitor runs on this host.",
                retryable=True,
            ) from error

    def policies(self) -> list[str]:
        """The uids of all policies that have a file."""
        return sorted(unquote(file.stem) for file in self._folder.glob("*.json"))

    def _store(self, policy_uid: str, order: Passed) -> None:
        file = self._file(policy_uid)
        new = file.with_suffix(".new")
        text = json.dumps(_to_json(order), separators=(",", ":"))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
            self._sync_folder()
        except OSError as error:
            raise _unwritable(file, error) from error

    def adopt(self, policy_uid: str, *, lease_epoch: int, generation: int) -> None:
        """Set the pair, also back: the database was restored and is right by an operator's word."""
        order = self.passed(policy_uid)
        if order is not None:
            self._store(policy_uid, replace(order, lease_epoch=lease_epoch, generation=generation))

    def forget(self, policy_uid: str) -> None:
        """Delete the policy's file; its lock stays for whoever waits for it."""
        self._file(policy_uid).unlink(missing_ok=True)

    def _file(self, policy_uid: str, kind: str = "json") -> Path:
        return self._folder / f"{quote(policy_uid, safe='')}.{kind}"

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unwritable(file: Path, error: OSError) -> ExecutorError:
    return ExecutorError(
        f"The fence file {file} can't be written ({error.strerror}): nothing is changed without "
        "it. Free disk space, or give this user the folder.",
        retryable=True,
    )


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _to_json(order: Passed) -> dict[str, Any]:
    return {
        "version": _VERSION,
        **{
            field: getattr(order, field)
            for field in ("lease_epoch", "generation", "path_key", "former_path_key")
        },
        "addresses": order.addresses,
        "former_addresses": order.former_addresses,
        "changes": [_plain(change) for change in order.changes],
        "former_changes": [_plain(change) for change in order.former_changes],
    }


def _plain(change: Change) -> dict[str, Any]:
    """As ``dataclasses.asdict``, which takes a tenth of a second for a thousand of them."""
    fields = {name: getattr(change, name) for name in change.__slots__}
    if isinstance(change, RuleChange):
        chosen = change.selectors
        fields["selectors"] = {name: getattr(chosen, name) for name in chosen.__slots__}
    return fields


def _from_json(stored: dict[str, Any]) -> Passed:
    if stored["version"] != _VERSION:
        raise ValueError(f"version {stored['version']} is not known to this release")
    former = stored["former_path_key"]
    return Passed(
        int(stored["lease_epoch"]),
        int(stored["generation"]),
        int(stored["path_key"]),
        _changes(stored["changes"]),
        None if former is None else int(former),
        _changes(stored["former_changes"]),
        tuple(str(address) for address in stored["addresses"]),
        tuple(str(address) for address in stored["former_addresses"]),
    )


def _changes(stored: list[dict[str, Any]]) -> tuple[Change, ...]:
    return tuple(
        RuleChange(**{**one, "selectors": Selectors(**one["selectors"])})
        if "selectors" in one
        else RouteChange(**one)
        for one in stored
    )
