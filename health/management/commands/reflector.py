"""``manage.py reflector``: the STAMP session-reflector in the foreground.

Only arguments, signals and text live here; the reflector is ``health.probers``.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from health.probers.base import ProberError
from health.probers.reflector import Reflector
from health.probers.reflector_config import (
    DEFAULT_HOST,
    Listener,
    ReflectorConfigError,
    check_port,
    check_rate,
    load_listeners,
    make_impairment,
)
from health.probers.stamp_packet import DEFAULT_PORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Answers STAMP probes until SIGINT or SIGTERM, then ends with status 0."""

    help = "Answers STAMP and TWAMP Light probes; can delay and drop them on purpose."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The command line."""
        parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on")
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0: any free port")
        parser.add_argument("--delay-ms", type=float, default=0.0, help="delay of each answer")
        parser.add_argument("--jitter-ms", type=float, default=0.0, help="delay varies by ± this")
        parser.add_argument(
            "--loss-pct", type=float, default=0.0, help="chance that a probe never arrives"
        )
        parser.add_argument(
            "--loss-back-pct", type=float, default=0.0, help="chance that an answer gets lost"
        )
        parser.add_argument(
            "--cycle", type=Path, metavar="FILE", help="JSON: impairments that change over time"
        )
        parser.add_argument(
            "--stateless", action="store_true", help="repeat the senders' sequence numbers"
        )
        parser.add_argument(
            "--max-pps-per-source", type=int, default=0, metavar="N",
            help="answer at most N packets a second of one address; 0: all",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen, say where, and answer until told to stop."""
        try:
            listeners = listeners_of(options)
            reflector = Reflector(
                listeners,
                stateless=options["stateless"],
                max_pps_per_source=check_rate(options["max_pps_per_source"]),
            )
        except (ReflectorConfigError, ProberError) as error:
            raise CommandError(str(error)) from error
        told_to_stop = _watch_signals()  # before we say that we listen: whoever reads it may signal
        for listener, (host, port) in zip(listeners, reflector.addresses, strict=True):
            self.stdout.write(f"reflecting on {host} port {port}{_described(listener)}")
        self.stdout.flush()
        try:
            reflector.serve(told_to_stop)
        finally:
            reflector.close()
        self.stdout.write(f"stopped: {reflector.answered} answered, {reflector.dropped} dropped")


def listeners_of(options: dict[str, Any]) -> tuple[Listener, ...]:
    """The listeners a command line describes; raises ``ReflectorConfigError``."""
    impairment = make_impairment(options)
    single = Listener(options["host"], check_port(options["port"]), impairment)
    if options["cycle"] is None:
        return (single,)
    return load_listeners(options["cycle"], single)


def _watch_signals() -> Callable[[], bool]:
    """Whether SIGTERM or SIGINT has arrived since."""
    arrived = False

    def note(_signal: int, _frame: FrameType | None) -> None:
        nonlocal arrived
        arrived = True

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
    return lambda: arrived


def _described(listener: Listener) -> str:
    impairment = listener.impairment
    parts = [
        f"delay {impairment.delay_ms:g} ms" if impairment.delay_ms else "",
        f"jitter ± {impairment.jitter_ms:g} ms" if impairment.jitter_ms else "",
        f"loss {impairment.loss_pct:g} %" if impairment.loss_pct else "",
        f"loss back {impairment.loss_back_pct:g} %" if impairment.loss_back_pct else "",
        f"a cycle of {len(listener.cycle)} phases" if listener.cycle else "",
    ]
    text = ", ".join(part for part in parts if part)
    return f" with {text}" if text else ""
