"""The local journal: what was done to the network while the database was away.

One JSON object a line, each after its checksum, written and fsynced before anything else
happens. A line that a crash tore off at the end is left out; one that is damaged in the
middle is said in the log and left out. Django and the rules of failover may not enter.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

log = logging.getLogger(__name__)

Entry = dict[str, Any]
KEPT_FILES = 4
"""Journals that were imported stay for people to read; older ones are deleted."""
RESERVE_BYTES = 262_144
"""Kept free on the disk for the journal: a full disk is when it is needed."""
MAX_BYTES = 16_000_000
"""A journal that long is not written any more: something is wrong, and disks are finite."""


class JournalFull(Exception):
    """Nothing more can be kept, so nothing more may be done."""


class Journal:
    """Entries in the order in which they were written; several processes may share the file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock_file = file.with_name(f"{file.name}.lock")
        self._reserve = file.with_name(f"{file.name}.reserve")

    def make_reserve(self) -> None:
        """Set space on the disk aside; says in the log when there is none."""
        if self._reserve.exists():
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError as error:
            log.warning("no space could be set aside for %s: %s", self._file, error)

    def append(self, entry: Entry) -> None:
        """Write ``entry`` and wait until the disk has it; raises ``OSError`` or ``JournalFull``."""
        content = orjson.dumps(entry)
        line = b"%08x %s\n" % (zlib.crc32(content), content)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._append(line)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            self._reserve.unlink(missing_ok=True)
            self._append(line)

    def _append(self, line: bytes) -> None:
        with self._locked():
            is_new = not self._file.exists()
            with self._file.open("ab") as file:
                if file.tell() + len(line) > MAX_BYTES:
                    raise JournalFull(f"{self._file} has reached {MAX_BYTES} bytes.")
                # After a torn line a new one must not become part of it.
                file.write(line if is_new or _ends_a_line(self._file) else b"\n" + line)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync_directory(self._file.parent)

    def entries(self) -> list[Entry]:
        """Everything that is whole, the oldest first; empty without a journal."""
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return []
        return list(self._whole(content.split(b"\n")))

    def is_empty(self) -> bool:
        """True when there is nothing to import; one look at the file system."""
        return not self._file.exists()

    def retire(self, count: int) -> None:
        """All ``count`` entries are in the database: put the file aside.

        Nothing happens when entries have come since: they are imported first.
        """
        with self._locked():
            if self.is_empty() or len(self.entries()) != count:
                return
            for number in range(KEPT_FILES - 1, 0, -1):
                older = self._imported(number)
                if older.exists():
                    older.replace(self._imported(number + 1))
            self._file.replace(self._imported(1))
            self._imported(KEPT_FILES + 1).unlink(missing_ok=True)
            _sync_directory(self._file.parent)

    def _imported(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.imported-{number}")

    def _whole(self, lines: list[bytes]) -> Iterator[Entry]:
        last = len(lines) - 1
        for number, line in enumerate(lines):
            entry = _parsed(line)
            if entry is not None:
                yield entry
            elif line and number < last:
                log.error("%s: line %d is damaged and left out", self._file, number + 1)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock_file.open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _parsed(line: bytes) -> Entry | None:
    checksum, _, content = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(content):
            return None
        entry: Entry = orjson.loads(content)
    except ValueError:
        return None
    return entry


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as reader:
        reader.seek(0, os.SEEK_END)
        if reader.tell() == 0:
            return True
        reader.seek(-1, os.SEEK_END)
        return reader.read(1) == b"\n"


def _sync_directory(directory: Path) -> None:
    """A new name is on the disk only when its directory is."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
