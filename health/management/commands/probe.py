"""``manage.py probe``: measure one target now and print it like ping does.

Only arguments and text live here; the measuring is ``health.probers.one_off``.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from health.domain.measurement import Outcome
from health.probers import PROBERS
from health.probers.base import ProberError, WireTarget
from health.probers.one_off import ONE_OFF, Attempt, Summary, measure, summarise
from health.probers.resolve import resolve

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

EXIT_UNREACHABLE = 1
EXIT_CANNOT_MEASURE = 2


class Command(BaseCommand):
    """Exit status as that of ping: 0 answered, 1 unreachable, 2 wrong usage or not possible."""

    help = "Measures one target now: latency, packet loss and jitter of a few real probes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The command line."""
        parser.add_argument("target", help="IP address or name")
        parser.add_argument("--kind", choices=sorted(PROBERS), default="icmp")
        parser.add_argument("-c", "--count", type=_count, default=5, metavar="N")
        parser.add_argument("--interval", type=_seconds, default=0.5, metavar="SECS")
        parser.add_argument("--timeout", type=_seconds, default=1.0, metavar="SECS")
        parser.add_argument("--port", type=_port, help="for kinds that need one")
        parser.add_argument("--json", action="store_true", help="one JSON object at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Probe, print as answers come, and end with the summary."""
        quiet: bool = options["json"]
        try:
            target = _wire_target(options["target"], options["kind"], options["port"])
            one_off = ONE_OFF[options["kind"]](target)
        except ProberError as error:
            raise CommandError(str(error), returncode=EXIT_CANNOT_MEASURE) from error
        attempts: list[Attempt] = []
        try:
            for attempt in measure(
                one_off, options["count"], options["interval"], options["timeout"]
            ):
                attempts.append(attempt)
                if not quiet:
                    self.stdout.write(_line(target, attempt))
                    self.stdout.flush()
        except KeyboardInterrupt:
            pass  # as with ping: what was measured until now is summed up
        finally:
            one_off.close()
        summary = summarise(attempts)
        self.stdout.write(
            _as_json(options, target, attempts, summary) if quiet else _as_text(target, summary)
        )
        if not summary.received:
            sys.exit(EXIT_UNREACHABLE if summary.sent else EXIT_CANNOT_MEASURE)


def _wire_target(name: str, kind: str, port: int | None) -> WireTarget:
    row = PROBERS[kind]
    if port is not None and not row.needs_port:
        raise ProberError(f"--port {port}: probes of kind {kind} have no port")
    return WireTarget(resolve(name), port or row.default_port or 0)


def _line(target: WireTarget, attempt: Attempt) -> str:
    if attempt.outcome is Outcome.ANSWERED and attempt.rtt_ms is not None:
        return f"{attempt.number}: {target.address} {attempt.rtt_ms:.3f} ms"
    return f"{attempt.number}: {target.address} {attempt.outcome}: {attempt.detail}"


def _as_text(target: WireTarget, summary: Summary) -> str:
    loss = "-" if summary.packet_loss_pct is None else f"{summary.packet_loss_pct:.1f} %"
    lines = [f"--- {target.address}: {summary.sent} sent, {summary.received} received, {loss} loss"]
    if summary.received:
        lines.append(
            f"latency min/avg/max {summary.min_ms:.3f}/{summary.avg_ms:.3f}/"
            f"{summary.max_ms:.3f} ms, jitter "
            + ("-" if summary.jitter_ms is None else f"{summary.jitter_ms:.3f} ms")
        )
    return "\n".join(lines)


def _as_json(
    options: dict[str, Any], target: WireTarget, attempts: list[Attempt], summary: Summary
) -> str:
    return json.dumps(
        {
            "target": options["target"],
            "address": target.address,
            "port": target.port or None,
            "kind": options["kind"],
            **_rounded(summary._asdict()),
            "probes": [_rounded(attempt._asdict()) for attempt in attempts],
        }
    )


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    """Microseconds are as fine as these figures are."""
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in fields.items()}


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 100_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100000")


def _port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port (1-65535)")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if 0.001 <= seconds <= 3600:
        return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.001 to 3600")
