"""Which role a router pair has given this host: the file that keepalived's notify writes.

Read at the edge, each second or so; small, never followed into pipes or devices, and its
contents are never repeated to anybody.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 4096
"""More than one word is a log, of which the end counts."""


class Role(StrEnum):
    """States of VRRP as keepalived names them; STOP comes when it ends."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"


class RoleSeen(NamedTuple):
    """The role, None when it can't be told, and a sentence for people with the cure."""

    role: Role | None
    sentence: str

    @property
    def standby(self) -> bool:
        """True unless this host is the master: whoever does not know its role does nothing."""
        return self.role is not Role.MASTER


ALWAYS_MASTER = RoleSeen(Role.MASTER, "This host stands alone.")


def role_of(source: str) -> RoleSeen:
    """The role that the file ``source`` gives this host; an empty source makes it the master."""
    if not source:
        return ALWAYS_MASTER
    try:
        text = _end_of(source)
    except OSError as error:
        reason = error.strerror or "it can't be read"
        return RoleSeen(
            None, f"The role file {source}: {reason}. Let keepalived's notify write it."
        )
    role = _last_role(text)
    if role is None:
        return RoleSeen(
            None,
            f"The role file {source} names no role: let keepalived's notify write MASTER, BACKUP "
            "or FAULT into it.",
        )
    return RoleSeen(role, f"The role file {source} says {role}.")


def _end_of(source: str) -> str:
    # Non-blocking, so that a named pipe can't stop the reader; then only a regular file is read.
    descriptor = os.open(Path(source), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        os.lseek(descriptor, max(0, status.st_size - MOST_BYTES), os.SEEK_SET)
        return os.read(descriptor, MOST_BYTES).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _last_role(text: str) -> Role | None:
    """The role in the last line that is not empty, as a word of its own."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    words = lines[-1].replace('"', " ").split()
    named = [Role(word.upper()) for word in words if word.upper() in Role.__members__]
    return named[0] if len(named) == 1 else None
