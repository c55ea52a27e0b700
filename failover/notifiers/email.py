"""The ``email`` kind: one mail for what happened since the last one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from failover.notifiers.base import Mailer, Message, digest
from failover.outbound.errors import OutboundError
from failover.outbound.options import bad_option, refuse_unknown

_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")


class EmailNotifier:
    """Options: ``to``, a list of addresses."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ``OutboundError`` naming the address that is none."""
        _recipients(options)

    def send(self, options: Mapping[str, Any], messages: Sequence[Message]) -> None:
        """Hand one mail over to the mail server."""
        subject, text = digest(messages)
        # A name with a line break must not become a header of its own.
        line = " ".join(f"[Pathwarden] {subject}".split())
        try:
            self._mailer(line, text, _recipients(options))
        except OSError as error:  # smtplib's errors are such, too
            raise OutboundError(
                f"The mail was not taken ({error}): check EMAIL_URL and the mail server.",
                retryable=True,
            ) from error


def _recipients(options: Mapping[str, Any]) -> list[str]:
    refuse_unknown(options, ("to",))
    to = options.get("to")
    if not isinstance(to, list) or not to:
        raise bad_option("to", to, 'a list of addresses such as ["noc@example.com"]')
    for address in to:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise bad_option("to", address, "an address such as noc@example.com")
    return to
