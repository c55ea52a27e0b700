"""Options of commands and webhooks as people write them (JSON), read and judged in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from failover.outbound.errors import OutboundError
from failover.outbound.signed_post import Endpoint

COMMAND_OPTIONS = ("argv", "verify", "timeout_secs")
WEBHOOK_OPTIONS = ("url", "secret_file", "ca_file", "timeout_secs")
DEFAULT_TIMEOUT_SECS = 10.0
MAX_TIMEOUT_SECS = 60.0


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program with its words, the one that verifies (or none), and how long each may take."""

    argv: tuple[str, ...]
    verify: tuple[str, ...]
    timeout_secs: float


def read_command(options: Mapping[str, Any]) -> CommandLine:
    """The command that ``options`` describe; raises ``OutboundError`` naming value and cure."""
    refuse_unknown(options, COMMAND_OPTIONS)
    argv = _words("argv", options.get("argv"))
    if not argv:
        raise bad_option("argv", options.get("argv"), 'a list such as ["/usr/local/bin/switch"]')
    for name, words in (("argv", argv), ("verify", _words("verify", options.get("verify")))):
        if words and not words[0].startswith("/"):
            raise bad_option(name, words[0], "begun by a full path such as /usr/local/bin/switch")
    return CommandLine(argv, _words("verify", options.get("verify")), timeout_of(options))


def read_endpoint(options: Mapping[str, Any]) -> Endpoint:
    """The receiver that ``options`` describe, with its secret; raises ``OutboundError``."""
    check_endpoint(options)
    secret = ""
    if options.get("secret_file"):
        file = Path(options["secret_file"])
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise OutboundError(
                f"secret_file {file} can't be read ({error.strerror}): give the user of the "
                "monitor the file.",
                retryable=True,
            ) from error
        if not secret:
            raise bad_option("secret_file", str(file), "a file with a secret; it is empty")
    return Endpoint(options["url"], secret, timeout_of(options), options.get("ca_file", ""))


def check_endpoint(options: Mapping[str, Any]) -> None:
    """Raise ``OutboundError`` for options that can't work; opens no file."""
    refuse_unknown(options, WEBHOOK_OPTIONS)
    url = options.get("url")
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise bad_option("url", url, "an address such as https://router.example/pathwarden")
    for name in ("secret_file", "ca_file"):
        if not isinstance(options.get(name, ""), str):
            raise bad_option(name, options[name], "the name of a file")
    timeout_of(options)


def timeout_of(options: Mapping[str, Any]) -> float:
    """The option ``timeout_secs``; raises ``OutboundError`` when it is no sensible time."""
    value = options.get("timeout_secs", DEFAULT_TIMEOUT_SECS)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_option("timeout_secs", value, "a number of seconds")
    if not 0 < value <= MAX_TIMEOUT_SECS:
        raise bad_option("timeout_secs", value, f"more than 0 and at most {MAX_TIMEOUT_SECS:g}")
    return float(value)


def refuse_unknown(options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise ``OutboundError`` for an option that there is not."""
    if not isinstance(options, Mapping):
        raise bad_option("options", options, "names with values, in braces")
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise OutboundError(
            f"{', '.join(unknown)} is not known; there are {', '.join(known)}.", retryable=False
        )


def bad_option(name: str, value: object, wanted: str) -> OutboundError:
    """The error for a value that can't work."""
    return OutboundError(f"{name} is {value!r}; it must be {wanted}.", retryable=False)


def _words(name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise bad_option(name, value, "a list of words")
    return tuple(value)
