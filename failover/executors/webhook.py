"""The ``webhook`` kind: a program that listens on HTTP moves the traffic.

One signed POST for each switch; the same key for each attempt of it, so that a message
that was heard but not answered is not carried out twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from failover.executors.base import ExecutorError, Intent, Problem, Proposal
from failover.executors.telling import (
    TellingExecutor,
    bad_option,
    order_values,
    refuse_unknown,
    timeout_of,
)
from failover.outbound.signed_post import Endpoint, post

OPTIONS = ("url", "secret_file", "ca_file", "timeout_secs")


class WebhookExecutor(TellingExecutor):
    """Options: ``url``, ``secret_file`` (whose text signs), ``ca_file``, ``timeout_secs``."""

    def sentences(self, intent: Intent) -> tuple[str, ...]:
        """The message and where it goes."""
        _check(intent.options)
        signed = "signed" if intent.options.get("secret_file") else "NOT signed"
        return (
            f"POST {intent.options['url']} ({signed}, at most {timeout_of(intent.options):g} s)",
            json.dumps(order_values(intent), indent=1),
        )

    def tell(self, intent: Intent) -> str:
        """Post the order."""
        _check(intent.options)
        key = f"{intent.policy_uid}-{intent.lease_epoch}-{intent.generation}"
        body = json.dumps(order_values(intent)).encode()
        answer = post(_endpoint(intent.options), body, key=key, timestamp=int(time.time()))  # noqa: TID251 - the label of a message that leaves at this moment
        return f"answered {answer.status} {answer.text}".strip()

    def option_problems(self, options: Mapping[str, Any], proposal: Proposal) -> list[Problem]:
        """What is wrong with the address and the files."""
        try:
            _check(options)
            _endpoint(options)
        except ExecutorError as error:
            return [Problem("executor_options", str(error), "")]
        if options.get("secret_file"):
            return []
        return [
            Problem(
                "executor_options",
                "Without secret_file the messages are not signed: anybody who reaches the "
                "receiver can move the traffic.",
                "Write a secret into a file that only the monitor's user may read.",
                blocks=False,
            )
        ]


def _check(options: Mapping[str, Any]) -> None:
    refuse_unknown(options, OPTIONS)
    url = options.get("url")
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise bad_option("url", url, "an address such as https://router.example/pathwarden")
    for name in ("secret_file", "ca_file"):
        if not isinstance(options.get(name, ""), str):
            raise bad_option(name, options[name], "the name of a file")
    timeout_of(options)


def _endpoint(options: Mapping[str, Any]) -> Endpoint:
    secret = ""
    if options.get("secret_file"):
        file = Path(options["secret_file"])
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ExecutorError(
                f"executor_options: secret_file {file} can't be read ({error.strerror}): "
                "give the monitor's user the file.",
                retryable=True,
            ) from error
        if not secret:
            raise bad_option("secret_file", str(file), "a file with a secret; it is empty")
    return Endpoint(options["url"], secret, timeout_of(options), options.get("ca_file", ""))
