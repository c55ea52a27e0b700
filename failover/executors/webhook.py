"""The ``webhook`` kind: a program that listens on HTTP moves the traffic.

One signed POST for each switch; the same key for each attempt of it, so that a message
that was heard but not answered is not carried out twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from failover.executors.base import Intent, Problem, Proposal
from failover.executors.telling import TellingExecutor, named_problem, order_values
from failover.outbound.options import check_endpoint, read_endpoint, timeout_of
from failover.outbound.signed_post import post

_UNSIGNED = Problem(
    "executor_options",
    "Without secret_file the messages are not signed: anybody who reaches the receiver can "
    "move the traffic.",
    "Write a secret into a file that only the monitor's user may read.",
    blocks=False,
)


class WebhookExecutor(TellingExecutor):
    """Options: ``url``, ``secret_file`` (whose text signs), ``ca_file``, ``timeout_secs``."""

    def sentences(self, intent: Intent) -> tuple[str, ...]:
        """The message and where it goes."""
        check_endpoint(intent.options)
        signed = "signed" if intent.options.get("secret_file") else "NOT signed"
        return (
            f"POST {intent.options['url']} ({signed}, at most {timeout_of(intent.options):g} s)",
            json.dumps(order_values(intent), indent=1),
        )

    def tell(self, intent: Intent) -> str:
        """Post the order."""
        key = f"{intent.policy_uid}-{intent.lease_epoch}-{intent.generation}"
        body = json.dumps(order_values(intent)).encode()
        now = int(time.time())  # noqa: TID251 - the label of a message that leaves at this moment
        answer = post(read_endpoint(intent.options), body, key=key, timestamp=now)
        return f"answered {answer.status} {answer.text}".strip()

    def option_problems(self, options: Mapping[str, Any], proposal: Proposal) -> list[Problem]:
        """What is wrong with the address and the files."""
        problems = named_problem(lambda: read_endpoint(options))
        return problems or ([] if options.get("secret_file") else [_UNSIGNED])
