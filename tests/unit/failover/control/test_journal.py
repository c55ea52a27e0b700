"""The local journal survives crashes, tells damage, and is put aside when it is imported."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from failover.control import journal as module
from failover.control.journal import Journal, JournalFull


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "journal-local.jsonl"


def test_entries_come_back_in_their_order(file: Path) -> None:
    journal = Journal(file)
    assert journal.is_empty()
    assert journal.entries() == []
    journal.append({"n": 1, "text": "Ü"})
    journal.append({"n": 2})
    assert Journal(file).entries() == [{"n": 1, "text": "Ü"}, {"n": 2}]
    assert not journal.is_empty()


@pytest.mark.parametrize("kept", range(1, 20))
def test_a_line_that_a_crash_tore_is_left_out_and_hurts_no_later_one(file: Path, kept: int) -> None:
    journal = Journal(file)
    journal.append({"n": 1})
    whole = file.read_bytes()
    journal.append({"n": 2})
    file.write_bytes(file.read_bytes()[: len(whole) + kept])
    assert [entry["n"] for entry in journal.entries()][:1] == [1]
    journal.append({"n": 3})
    assert [entry["n"] for entry in journal.entries() if entry["n"] != 2] == [1, 3]


def test_a_damaged_line_in_the_middle_is_said_and_left_out(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(file)
    for number in (1, 2, 3):
        journal.append({"n": number})
    file.write_bytes(file.read_bytes().replace(b'"n":2', b'"n":7'))
    assert [entry["n"] for entry in journal.entries()] == [1, 3]
    assert "line 2 is damaged" in caplog.text


def test_an_imported_journal_is_put_aside_and_the_oldest_deleted(file: Path) -> None:
    journal = Journal(file)
    for number in range(7):
        journal.append({"n": number})
        journal.retire(1)
    assert journal.is_empty()
    names = sorted(one.name for one in file.parent.glob("*.imported-*"))
    assert names == [f"{file.name}.imported-{number}" for number in (1, 2, 3, 4)]
    assert Journal(file.with_name(names[0])).entries() == [{"n": 6}]


def test_a_journal_with_entries_that_came_since_is_not_put_aside(file: Path) -> None:
    journal = Journal(file)
    journal.append({"n": 1})
    journal.append({"n": 2})
    journal.retire(1)
    assert len(journal.entries()) == 2


def test_a_journal_does_not_grow_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 60)
    journal = Journal(file)
    journal.append({"n": 1})
    with pytest.raises(JournalFull, match="60 bytes"):
        journal.append({"text": "x" * 60})
    assert journal.entries() == [{"n": 1}]


def test_writers_side_by_side_lose_nothing(file: Path) -> None:
    def write(writer: int) -> None:
        for number in range(25):
            Journal(file).append({"writer": writer, "n": number})

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    entries = Journal(file).entries()
    assert len(entries) == 100
    for writer in range(4):
        assert [one["n"] for one in entries if one["writer"] == writer] == list(range(25))


def test_a_full_disk_still_has_room_for_the_journal(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(file)
    journal.make_reserve()
    reserve = file.with_name(f"{file.name}.reserve")
    assert reserve.stat().st_size == module.RESERVE_BYTES
    sync = module.os.fsync

    def full_until_the_reserve_is_gone(descriptor: int) -> None:
        if reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(module.os, "fsync", full_until_the_reserve_is_gone)
    journal.append({"n": 1})
    assert {"n": 1} in journal.entries()
    assert not reserve.exists()


def test_any_other_error_of_the_disk_is_not_hidden(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module.os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        Journal(file).append({"n": 1})
