"""``manage.py probe``: measure a target or a path now and print it like ping does.

Only arguments and the order of things live here; the measuring is
``health.probers.one_off``, the text ``health.management.probe_text``.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from health.management.probe_text import Subject, as_json, as_text, heading, line
from health.probers import PROBERS
from health.probers.asked import Asked
from health.probers.base import ProberError, WireTarget
from health.probers.one_off import Attempt, by_target, measure, summarise
from health.probers.resolve import is_literal
from health.selectors.probe_plan import (
    ProbePlan,
    family_of,
    paths_named,
    probe_plan,
    probeable_address,
)

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

EXIT_UNREACHABLE = 1
EXIT_CANNOT_MEASURE = 2
DEFAULT_KIND = "icmp"
DEFAULT_TIMEOUT_SECS = 1.0
OF_A_TARGET = (
    *("kind", "port", "source", "interface", "fwmark", "dscp"),
    *("request", "expect_text", "expect_status"),
)
"""Options that a path has of its own."""
_OPTIONS = {
    "port": "port",
    "request": "request",
    "expected_text": "expect-text",
    "expected_status": "expect-status",
}


class Command(BaseCommand):
    """Exit status as that of ping: 0 answered, 1 unreachable, 2 wrong usage or not possible."""

    help = "Measures a target or a path now: latency, loss and jitter of a few real probes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The command line."""
        parser.add_argument(
            "target", metavar="TARGET_OR_PATH", help="IP address, host name, or a path"
        )
        parser.add_argument("--path", action="store_true", help="it is a path: its name, uid or id")
        parser.add_argument(
            "--kind", choices=sorted(PROBERS), help=f"of a target; {DEFAULT_KIND} unless given"
        )
        parser.add_argument("-c", "--count", type=_count, default=5, metavar="N")
        parser.add_argument("--interval", type=_seconds, default=0.5, metavar="SECS")
        parser.add_argument(
            "--timeout", type=_seconds, metavar="SECS", help="1, or that of the path's profile"
        )
        parser.add_argument("--port", type=_port, help="of a target, for kinds that need one")
        parser.add_argument("--source", help="source address of the probes to a target")
        parser.add_argument("--interface", help="interface by which they leave")
        parser.add_argument("--fwmark", type=_mark, help="firewall mark they carry")
        parser.add_argument("--dscp", type=_dscp, help="traffic class, 0-63")
        parser.add_argument("--request", help="dns: the name to ask for; http: the URL")
        parser.add_argument("--expect-text", help="what the answer must contain (dns, http)")
        parser.add_argument("--expect-status", type=_status, help="the HTTP status that counts")
        parser.add_argument("--json", action="store_true", help="one JSON object at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Probe, print as answers come, and end with the summary."""
        try:
            subject = _subject(options)
            prober = PROBERS[subject.kind].make()
        except ProberError as error:
            raise CommandError(str(error), returncode=EXIT_CANNOT_MEASURE) from error
        quiet: bool = options["json"]
        attempts: list[Attempt] = []
        if not quiet and subject.path:
            self.stdout.write(heading(subject))
        timeout = options["timeout"] or subject.timeout_secs
        running = measure(prober, subject.wires, options["count"], options["interval"], timeout)
        try:
            with closing(prober), closing(running):
                for attempt in running:
                    attempts.append(attempt)
                    if not quiet:
                        self.stdout.write(line(subject, attempt))
                        self.stdout.flush()
        except KeyboardInterrupt:
            pass  # as with ping: what was measured until now is summed up
        self.stdout.write((as_json if quiet else as_text)(subject, attempts))
        if status := _exit_status(subject, attempts):
            sys.exit(status)


def _exit_status(subject: Subject, attempts: list[Attempt]) -> int:
    groups = [summarise(group) for group in by_target(attempts, len(subject.wires))]
    if sum(one.received > 0 for one in groups) >= subject.quorum:
        return 0
    return EXIT_UNREACHABLE if any(one.sent for one in groups) else EXIT_CANNOT_MEASURE


def _subject(options: dict[str, Any]) -> Subject:
    """What is meant by the word: a path if it is said to be one or is named like one."""
    word, given = options["target"], [name for name in OF_A_TARGET if options[name] is not None]
    if options["path"] and given:
        raise ProberError(
            f"--{given[0].replace('_', '-')}: a path has its own; leave it out, or leave out --path"
        )
    if options["path"] or not (given or is_literal(word)):
        plan = _plan_of(word, forced=options["path"])
        if plan is not None:
            return _subject_of_path(plan)
    return _subject_of_target(word, options)


def _plan_of(word: str, *, forced: bool) -> ProbePlan | None:
    now = time.time()
    try:
        paths = paths_named(word)
        plan = probe_plan(paths[0].pk, now=now) if paths else None
    except DatabaseError as error:
        if forced:
            raise ProberError(
                f"The paths cannot be read: {error}. See `manage.py doctor`"
            ) from None
        return None  # a host can be probed without a database
    if plan is None and forced:
        raise ProberError(f"{word!r} is neither the name nor the uid nor the id of a path")
    return plan


def _subject_of_path(plan: ProbePlan) -> Subject:
    here = settings.VANTAGE
    if plan.vantage != here:
        raise ProberError(
            f"Path {plan.name} is measured from probe host {plan.vantage}, this is {here}: "
            "call it there, or use Probe now on the page of the path"
        )
    if not plan.targets:
        raise ProberError(f"Path {plan.name} has no target: add one")
    wires = [plan.wire(target, probeable_address(target.address)) for target in plan.targets]
    for wire in wires:
        if obstacle := plan.obstacles.get(family_of(wire.address)):
            raise ProberError(f"Path {plan.name}: {obstacle.sentence}")
    names = [target.address for target in plan.targets]
    return Subject(
        plan.name, plan.kind, names, wires, plan.quorum, plan.timeout_ms / 1000, plan.path_id
    )


def _subject_of_target(word: str, options: dict[str, Any]) -> Subject:
    kind, port = options["kind"] or DEFAULT_KIND, options["port"]
    row = PROBERS[kind]
    if port is not None and not row.needs_port:
        raise ProberError(f"--port {port}: probes of kind {kind} have no port")
    asked = Asked(
        port, options["request"] or "", options["expect_text"] or "", options["expect_status"]
    )
    for field, problem in row.problems(asked):
        raise ProberError(f"--{_OPTIONS[field]}: {problem}")
    wire = WireTarget(
        probeable_address(word),
        port or row.default_port or 0,
        source=options["source"] or "",
        interface=options["interface"] or "",
        fwmark=options["fwmark"] or 0,
        dscp=options["dscp"] or 0,
        request=asked.request,
        expected_text=asked.expected_text,
        expected_status=asked.expected_status or 0,
    )
    return Subject(word, kind, [word], [wire], 1, DEFAULT_TIMEOUT_SECS)


def _whole(text: str, least: int, most: int, what: str) -> int:
    if text.isascii() and text.isdecimal() and least <= int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not {what}")


def _count(text: str) -> int:
    return _whole(text, 1, 100_000, "a whole number from 1 to 100000")


def _port(text: str) -> int:
    return _whole(text, 1, 65_535, "a port (1-65535)")


def _status(text: str) -> int:
    return _whole(text, 100, 599, "an HTTP status (100-599)")


def _dscp(text: str) -> int:
    return _whole(text, 0, 63, "a traffic class (0-63)")


def _mark(text: str) -> int:
    return _whole(text, 0, 2**32 - 1, "a firewall mark (0-4294967295)")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if 0.001 <= seconds <= 3600:
        return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.001 to 3600")
