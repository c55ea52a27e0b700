"""The file between two loops: used once, and never a reason to fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from health.engine.observers import RecordingObserver
from health.engine.resolver import NameQuery
from health.monitoring import handover
from tests.unit.health.engine.worlds import World, path_spec

BOOT = "this boot"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "handover-local.json"


def test_what_one_loop_left_the_next_one_goes_on_with(file: Path) -> None:
    with World(path_spec()) as world:
        world.live(30)
        now_ns = world.clock.monotonic_ns()
        handover.leave(file, world.engine.paths, now_ns=now_ns, boot_id=BOOT)
        legacy = handover.take_up(file, now_ns=now_ns + 10**9, boot_id=BOOT)
        with World(path_spec(), restore=legacy.restore) as heir:
            assert heir.engine.paths[1].evaluate(now_ns) == world.engine.paths[1].evaluate(now_ns)
    assert not file.exists()  # used once


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 1}', b'{"version": 1, "paths": {}}'],
)
def test_a_file_that_is_no_checkpoint_is_left_aside_and_removed(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    legacy = handover.take_up(file, now_ns=0, boot_id=BOOT)
    with World(path_spec(), restore=legacy.restore) as world:
        assert len(world.engine.paths[1].targets[0].window) == 0
    assert not file.exists()


def test_without_a_file_a_loop_begins_anew(file: Path) -> None:
    legacy = handover.take_up(file, now_ns=0, boot_id=BOOT)
    with World(path_spec(), restore=legacy.restore) as world:
        assert len(world.engine.paths[1].targets[0].window) == 0


def test_an_old_checkpoint_says_nothing(file: Path) -> None:
    with World(path_spec()) as world:
        now_ns = world.live(5).clock.monotonic_ns()
        handover.leave(file, world.engine.paths, now_ns=now_ns, boot_id=BOOT)
        legacy = handover.take_up(file, now_ns=now_ns + 6 * 10**9, boot_id=BOOT)
        with World(path_spec(), restore=legacy.restore) as heir:
            assert len(heir.engine.paths[1].targets[0].window) == 0


def test_a_directory_that_can_not_be_written_is_only_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handover.leave(tmp_path / "missing" / "file.json", {}, now_ns=0, boot_id=BOOT)
    assert "can't be written for the successor" in caplog.text


def test_the_last_addresses_of_names_outlive_many_loops(file: Path) -> None:
    known = {NameQuery("hq.example", 3): "192.0.2.1", NameQuery("dns.example"): "2001:db8::1"}
    handover.leave_names(file, known)
    assert handover.take_up_names(file) == handover.take_up_names(file) == known


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"[1]", b'[["a", "b", "c"]]', b"\xff"])
def test_names_that_can_not_be_read_are_resolved_anew(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert handover.take_up_names(file) == {}


def test_without_a_file_no_name_is_known(file: Path) -> None:
    assert handover.take_up_names(file) == {}


class Remembering(RecordingObserver):
    """Leaves a word to its successor."""

    def __init__(self, word: str = "") -> None:
        super().__init__()
        self.word = word

    def record(self) -> object:
        return {"word": self.word}

    def restore(self, record: Any) -> None:
        self.word = record["word"]


class Forgetful(RecordingObserver):
    """Leaves nothing, and can read nothing."""

    def restore(self, record: Any) -> None:
        raise KeyError("word")


def test_an_observer_goes_on_with_what_its_predecessor_left(file: Path) -> None:
    handover.leave(file, {}, [Forgetful(), Remembering("evidence")], now_ns=0, boot_id=BOOT)
    heirs = [Remembering(), Forgetful()]
    handover.take_up(file, now_ns=10**9, boot_id=BOOT).restore_observers(heirs)
    assert heirs[0].word == "evidence"


def test_an_observer_without_a_predecessor_begins_anew(file: Path) -> None:
    heir = Remembering("nothing")
    handover.take_up(file, now_ns=0, boot_id=BOOT).restore_observers([heir])
    handover.leave(file, {}, [Forgetful()], now_ns=0, boot_id=BOOT)
    handover.take_up(file, now_ns=0, boot_id=BOOT).restore_observers([heir])
    assert heir.word == "nothing"


def test_an_observer_that_can_not_read_its_predecessor_stops_nobody(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Remembering):
        def restore(self, record: Any) -> None:
            raise ValueError("of another release")

    handover.leave(file, {}, [Broken("x"), Remembering("y")], now_ns=0, boot_id=BOOT)
    heirs = [Broken(), Remembering()]
    handover.take_up(file, now_ns=0, boot_id=BOOT).restore_observers(heirs)
    assert heirs[1].word == "y"
    assert "Broken can't read what its predecessor left" in caplog.text
