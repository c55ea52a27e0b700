"""The ``command`` kind: a program of the operator moves the traffic.

Fixed words and an environment, never a shell; what the program does is its own.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from failover.executors.base import Intent, Problem, Proposal
from failover.executors.telling import TellingExecutor, named_problem, order_values
from failover.outbound.child import run_child
from failover.outbound.errors import OutboundError
from failover.outbound.options import read_command

EX_CONFIG = 78
"""sysexits.h: said by a program that is configured wrongly; trying again can't help."""


class CommandExecutor(TellingExecutor):
    """Options: ``argv`` (list of words), ``verify`` (words, run afterwards), ``timeout_secs``.

    Exit status 0 is success, 78 (EX_CONFIG) is not tried again, anything else is.
    """

    def sentences(self, intent: Intent) -> tuple[str, ...]:
        """The command lines with their environment."""
        line = read_command(intent.options)
        told = " ".join(
            f"{name}={shlex.quote(text)}" for name, text in _environment(intent).items()
        )
        then = (f"then run {shlex.join(line.verify)}",) if line.verify else ()
        return (
            f"run {shlex.join(line.argv)} (at most {line.timeout_secs:g} s)", f"with {told}", *then
        )  # fmt: skip

    def tell(self, intent: Intent) -> str:
        """Run the command, and the one that verifies."""
        line = read_command(intent.options)
        said = _run(line.argv, intent, line.timeout_secs)
        if line.verify:
            said = f"{said}\n{_run(line.verify, intent, line.timeout_secs)}"
        return said.strip()

    def option_problems(self, options: Mapping[str, Any], proposal: Proposal) -> list[Problem]:
        """What is wrong with the words."""
        return named_problem(lambda: read_command(options))


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
