"""What a role file says, and that whoever does not know its role does nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from failover.roles import MOST_BYTES, Role, role_of


def test_without_a_source_the_host_stands_alone_and_acts() -> None:
    assert not role_of("").standby


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("MASTER", Role.MASTER),
        ("master\n", Role.MASTER),
        ("BACKUP\n", Role.BACKUP),
        ("FAULT\n", Role.FAULT),
        ("STOP", Role.STOP),
        ('INSTANCE "VI_1" MASTER 100\n', Role.MASTER),
        ("MASTER\nBACKUP\n\n", Role.BACKUP),
        ("GROUP lan BACKUP 50\nGROUP lan MASTER 50\n", Role.MASTER),
    ],
)
def test_the_last_line_names_the_role(tmp_path: Path, text: str, role: Role) -> None:
    source = tmp_path / "role"
    source.write_text(text)
    seen = role_of(str(source))
    assert seen.role is role
    assert seen.standby is (role is not Role.MASTER)
    assert seen.sentence == f"The role file {source} says {role}."


@pytest.mark.parametrize("text", ["", "\n\n", "SLAVE", "MASTERS", "MASTER or BACKUP", "secret\0"])
def test_a_file_without_a_clear_role_is_standby_and_is_not_repeated(
    tmp_path: Path, text: str
) -> None:
    source = tmp_path / "role"
    source.write_text(text)
    seen = role_of(str(source))
    assert (seen.role, seen.standby) == (None, True)
    assert seen.sentence.startswith(f"The role file {source} names no role: let keepalived's")


def test_a_missing_file_is_standby_and_says_what_would_help(tmp_path: Path) -> None:
    seen = role_of(str(tmp_path / "none"))
    assert seen.standby
    assert "No such file or directory. Let keepalived's notify write it." in seen.sentence


def test_only_a_regular_file_is_read_and_a_pipe_stops_nobody(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for source in (pipe, tmp_path, Path("/dev/zero")):
        seen = role_of(str(source))
        assert seen.standby
        assert "regular file" in seen.sentence or "directory" in seen.sentence


def test_of_a_long_log_only_the_end_is_read(tmp_path: Path) -> None:
    source = tmp_path / "role"
    source.write_text("BACKUP\n" * MOST_BYTES + "MASTER\n")
    assert role_of(str(source)).role is Role.MASTER
