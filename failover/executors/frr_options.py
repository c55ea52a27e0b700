"""Options of the ``frr`` kind, and where an executor keeps those of each policy.

Looking and removing know only a policy's uid, so what was valid when its routes were made
is kept beside the fence. Nothing here speaks to FRR.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from failover.executors.base import ExecutorError
from failover.executors.changes import PATHWARDEN_PROTOCOL
from failover.outbound.errors import OutboundError
from failover.outbound.options import bad_option, refuse_unknown

OPTIONS = ("vtysh", "vrf", "distance", "tag")
DEFAULT_VTYSH = ("/usr/bin/vtysh",)
DEFAULT_DISTANCE = 1
"""FRR's own for static routes."""
_VRF = re.compile(r"[A-Za-z0-9_.-]{1,15}")


@dataclass(frozen=True, slots=True)
class FrrOptions:
    """``vtysh`` is the program with its words; ``vrf`` "" is the default one."""

    vtysh: tuple[str, ...] = DEFAULT_VTYSH
    vrf: str = ""
    distance: int = DEFAULT_DISTANCE
    tag: int = PATHWARDEN_PROTOCOL


def read_options(options: Mapping[str, Any]) -> FrrOptions:
    """The options as people write them; raises ``OutboundError`` naming value and cure."""
    refuse_unknown(options, OPTIONS)
    words = options.get("vtysh", list(DEFAULT_VTYSH))
    if not isinstance(words, list) or not words or not all(isinstance(one, str) for one in words):
        raise bad_option("vtysh", words, 'a list of words such as ["/usr/bin/vtysh"]')
    if not words[0].startswith("/"):
        raise bad_option("vtysh", words[0], "begun by a full path such as /usr/bin/vtysh")
    vrf = options.get("vrf", "")
    if not isinstance(vrf, str) or (vrf and not _VRF.fullmatch(vrf)):
        raise bad_option("vrf", vrf, "the name of a VRF")
    return FrrOptions(
        tuple(words),
        "" if vrf == "default" else vrf,
        _number(options, "distance", DEFAULT_DISTANCE, 255),
        _number(options, "tag", PATHWARDEN_PROTOCOL, 0xFFFFFFFF),
    )


class KeptOptions:
    """One small file per policy in ``folder``: the options in use, then those still to be left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, policy_uid: str, options: Sequence[FrrOptions]) -> None:
        """From now on these; raises ``ExecutorError`` when they can't be written."""
        if tuple(options) == self.read(policy_uid):
            return
        file = self._file(policy_uid)
        new = file.with_suffix(".frr-new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as stream:
                stream.write(json.dumps([asdict(one) for one in options]))
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
        except OSError as error:
            raise ExecutorError(
                f"{file} can't be written ({error.strerror}): nothing is changed without it. "
                "Free disk space, or give this user the folder.",
                retryable=True,
            ) from error

    def read(self, policy_uid: str) -> tuple[FrrOptions, ...]:
        """The options in use first; raises ``ExecutorError`` when the file can't be read."""
        file = self._file(policy_uid)
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            return tuple(FrrOptions(**{**one, "vtysh": tuple(one["vtysh"])}) for one in stored)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ExecutorError(
                f"{file} can't be read ({error}): nothing is changed without it. Delete it when "
                "no other monitor runs on this host.",
                retryable=True,
            ) from error

    def forget(self, policy_uid: str) -> None:
        """The policy is gone."""
        self._file(policy_uid).unlink(missing_ok=True)

    def _file(self, policy_uid: str) -> Path:
        return self._folder / f"{quote(policy_uid, safe='')}.frr"


def _number(options: Mapping[str, Any], name: str, default: int, largest: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise bad_option(name, value, f"a whole number from 1 to {largest}")
    return value


def options_error(error: OutboundError) -> ExecutorError:
    """The same as an executor's error, with the field's name."""
    return ExecutorError(f"executor_options: {error}", retryable=error.retryable)
