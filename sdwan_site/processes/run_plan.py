"""What the supervisor of ``up`` has to do, and handing it over to a slim process.

``manage.py up`` needs Django to prepare the installation, and Django's 100 MB for
nothing afterwards. So it replaces itself (exec): same process id, terminal and signals,
but nothing imported. No Django may enter this module.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

PROGRAM = Path(__file__).with_name("supervise.py")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process to keep running: a name for the log, its command, what its environment adds."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The children; where the web process answers; what to tell when it first does.

    ``log_format`` is "console" or "json", as everywhere.
    """

    children: Sequence[ChildSpec]
    host: str
    port: int
    announcement: Sequence[str]
    log_format: str

    def to_json(self) -> str:
        """As text, for the hand-over."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunPlan:
        """The plan that ``to_json`` made a text of."""
        values = json.loads(text)
        children = [ChildSpec(**child) for child in values.pop("children")]
        return cls(children=children, **values)


def become_supervisor(plan: RunPlan) -> NoReturn:
    """Replace this process by ``supervise.py`` with ``plan``.

    The plan may hold a password: it goes through memory of the kernel (memfd_create(2)),
    not through arguments or environment, which others can read.
    """
    descriptor = os.memfd_create("pathwarden-plan", 0)
    os.set_inheritable(descriptor, True)
    with os.fdopen(descriptor, "w", encoding="utf-8", closefd=False) as file:
        file.write(plan.to_json())
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, str(PROGRAM), str(descriptor)]
    os.execv(sys.executable, command)  # noqa: S606 - this very Python


def take_plan(descriptor: int) -> RunPlan:
    """The plan behind ``descriptor``, which is closed: children must not inherit it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(descriptor, encoding="utf-8") as file:
        return RunPlan.from_json(file.read())
