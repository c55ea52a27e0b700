"""How people are told about events: one file and one row per kind. No Django may enter."""

from __future__ import annotations

from typing import NamedTuple

from failover.notifiers.base import Notifier
from failover.notifiers.email import EmailNotifier
from failover.notifiers.webhook import WebhookNotifier


class NotifierKind(NamedTuple):
    """A row of the registry: what people read, and how one is made."""

    label: str
    help_text: str
    make: type[Notifier]


NOTIFIERS: dict[str, NotifierKind] = {
    "email": NotifierKind("E-mail", 'Options: {"to": ["noc@example.com"]}.', EmailNotifier),
    "webhook": NotifierKind(
        "Webhook",
        'Options: {"url": "https://…"}; the message has a "text" that Slack and Mattermost show.',
        WebhookNotifier,
    ),
}
"""The kinds by the name that channels store."""
