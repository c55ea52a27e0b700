"""The ``webhook`` kind: one signed POST for what happened since the last one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from failover.notifiers.base import Mailer, Message, digest
from failover.outbound.options import read_endpoint
from failover.outbound.signed_post import post


class WebhookNotifier:
    """Options as those of the executor: ``url``, ``secret_file``, ``ca_file``, ``timeout_secs``."""

    def __init__(self, mailer: Mailer) -> None:
        """Nothing is mailed here."""

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ``OutboundError`` naming the option that can't work."""
        read_endpoint(options)

    def send(self, options: Mapping[str, Any], messages: Sequence[Message]) -> None:
        """Post ``{"text", "events"}``."""
        subject, text = digest(messages)
        body = {"text": f"{subject}\n{text}", "events": [message.values for message in messages]}
        key = "-".join(dict.fromkeys((messages[0].key, messages[-1].key)))
        post(
            read_endpoint(options), json.dumps(body).encode(), key=key,
            timestamp=messages[-1].timestamp,
        )  # fmt: skip
