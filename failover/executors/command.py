"""The ``command`` kind: a program of the operator moves the traffic.

Fixed words and an environment, never a shell; what the program does is its own.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from failover.executors.base import ExecutorError, Intent, Problem, Proposal
from failover.executors.telling import (
    TellingExecutor,
    bad_option,
    order_values,
    refuse_unknown,
    timeout_of,
)
from failover.outbound.child import run_child
from failover.outbound.errors import OutboundError

OPTIONS = ("argv", "verify", "timeout_secs")
EX_CONFIG = 78
"""sysexits.h: said by a program that is configured wrongly; trying again can't help."""


class CommandExecutor(TellingExecutor):
    """Options: ``argv`` (list of words), ``verify`` (words, run afterwards), ``timeout_secs``.

    Exit status 0 is success, 78 (EX_CONFIG) is not tried again, anything else is.
    """

    def sentences(self, intent: Intent) -> tuple[str, ...]:
        """The command lines with their environment."""
        argv, verify, timeout_secs = _read(intent.options)
        known = " ".join(
            f"{name}={shlex.quote(text)}" for name, text in _environment(intent).items()
        )
        lines = [f"run {shlex.join(argv)} (at most {timeout_secs:g} s)", f"with {known}"]
        return (*lines, *([f"then run {shlex.join(verify)}"] if verify else []))

    def tell(self, intent: Intent) -> str:
        """Run the command, and the one that verifies."""
        argv, verify, timeout_secs = _read(intent.options)
        said = _run(argv, intent, timeout_secs)
        if verify:
            said = f"{said}\n{_run(verify, intent, timeout_secs)}"
        return said.strip()

    def option_problems(self, options: Mapping[str, Any], proposal: Proposal) -> list[Problem]:
        """What is wrong with the words."""
        try:
            _read(options)
        except ExecutorError as error:
            return [Problem("executor_options", str(error), "")]
        return []


def _run(argv: Sequence[str], intent: Intent, timeout_secs: float) -> str:
    done = run_child(
        argv,
        environment=_environment(intent),
        timeout_secs=timeout_secs,
        stdin=json.dumps(order_values(intent)),
    )
    if done.status:
        raise OutboundError(
            f"{shlex.join(argv)} ended with status {done.status}: {done.output or 'no output'}",
            retryable=done.status != EX_CONFIG,
        )
    return done.output


def _environment(intent: Intent) -> dict[str, str]:
    order = order_values(intent)
    named = {
        "POLICY": intent.policy_name,
        "POLICY_UID": intent.policy_uid,
        "GENERATION": str(intent.generation),
        "LEASE_EPOCH": str(intent.lease_epoch),
    }
    for side in ("to", "from"):
        for field, value in (order[side] or {}).items():
            named[f"{side}_{field}".upper()] = str(value)
    return {f"PATHWARDEN_{name}": text for name, text in named.items()}


def _read(options: Mapping[str, Any]) -> tuple[list[str], list[str], float]:
    refuse_unknown(options, OPTIONS)
    argv = _words("argv", options.get("argv"))
    if not argv:
        raise bad_option("argv", options.get("argv"), 'a list such as ["/usr/local/bin/switch"]')
    if not argv[0].startswith("/"):
        raise bad_option("argv", argv[0], "begun by a full path such as /usr/local/bin/switch")
    return argv, _words("verify", options.get("verify")), timeout_of(options)


def _words(name: str, value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise bad_option(name, value, "a list of words")
    return list(value)
