"""The ``track_file`` kind: a number in a file tells keepalived which router shall be MASTER.

keepalived adds the number of a tracked file to the priority of its VRRP instance
(keepalived.conf(5), vrrp_track_file). The file is replaced whole, so that it is never read
half written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from failover.executors.base import Intent, Problem, Proposal
from failover.executors.telling import TellingExecutor, named_problem
from failover.outbound.errors import OutboundError
from failover.outbound.options import bad_option, refuse_unknown

OPTIONS = ("file", "values")
LARGEST = 254
"""keepalived's own bound of a weight (2–254 away from its priority)."""


class TrackFileExecutor(TellingExecutor):
    """Options: ``file``, and ``values``: the number for each path by its name."""

    def sentences(self, intent: Intent) -> tuple[str, ...]:
        """The number and its file."""
        file, value = _read(intent.options, intent.to_uplink.name)
        return (f"write {value} to {file}",)

    def tell(self, intent: Intent) -> str:
        """Write the number."""
        file, value = _read(intent.options, intent.to_uplink.name)
        new = file.with_name(f".{file.name}.new")
        try:
            with new.open("w", encoding="ascii") as stream:
                stream.write(f"{value}\n")
                stream.flush()
                os.fsync(stream.fileno())
            new.chmod(0o644)
            new.replace(file)
            written = file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise OutboundError(
                f"{file} can't be written ({error.strerror}): give the monitor's user its folder.",
                retryable=True,
            ) from error
        if written != str(value):
            raise OutboundError(f"{file} has {written!r}: somebody else writes it.", retryable=True)
        return ""

    def option_problems(self, options: Mapping[str, Any], proposal: Proposal) -> list[Problem]:
        """What is wrong with the file and the numbers."""
        names = [member.name for member in proposal.members]
        problems = named_problem(lambda: [_read(options, name) for name in names])
        if problems:
            return problems
        file, _ = _read(options, names[0])
        if file.parent.is_dir():
            return []
        return [
            Problem(
                "executor_options",
                f"The folder {file.parent} does not exist.",
                "Make it, and give it to the monitor's user.",
            )
        ]


def _read(options: Mapping[str, Any], path_name: str) -> tuple[Path, int]:
    refuse_unknown(options, OPTIONS)
    file = options.get("file")
    if not isinstance(file, str) or not file.startswith("/"):
        raise bad_option("file", file, "a full path such as /run/keepalived/wan")
    values = options.get("values")
    if not isinstance(values, dict):
        raise bad_option("values", values, 'numbers by path, such as {"fibre": 0, "lte": -50}')
    value = values.get(path_name)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise bad_option(
            f"values[{path_name!r}]", value, f"a whole number from -{LARGEST} to {LARGEST}"
        )
    return Path(file), value
