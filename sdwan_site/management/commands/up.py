"""``manage.py up``: the whole product in one terminal."""

from __future__ import annotations

import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from sdwan_site import demo, first_start
from sdwan_site.processes.supervisor import ChildSpec, Supervisor
from sdwan_site.schedules import sync_schedules

WEB_THREADS = 8
ANNOUNCE_WITHIN_SECS = 60.0


class Command(BaseCommand):
    """Prepares the installation, then supervises web and clusters until Ctrl-C."""

    help = "Migrate, make the first administrator, and run everything until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and whether to bring the demo network along."""
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--port", type=int, default=8000, help="Port to listen on.")
        parser.add_argument(
            "--demo", action="store_true", help="Add the demo network: real packets on loopback."
        )

        parser.add_argument(
            "--prepare-only",
            action="store_true",
            help="Prepare database, administrator, static files and schedules, and end: for "
            "installations and upgrades whose processes systemd runs.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, start, announce, supervise."""
        host, port = options["host"], options["port"]
        if not options["prepare_only"]:
            _check_port(host, port)
        administrator = self._prepare(with_demo=options["demo"])
        if options["prepare_only"]:
            self._say("prepared")
            _write_credentials(self, administrator)
            return
        supervisor = Supervisor(_children(host, port, with_demo=options["demo"]))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.stop())
        announcement = _Announcement(self, host, port, administrator)
        supervisor.run(each_turn=announcement.when_ready)
        self._say("everything has stopped")

    def _prepare(self, *, with_demo: bool) -> first_start.NewAdministrator | None:
        """Everything the processes need; each step changes nothing the second time."""
        self._say("preparing the database …")
        call_command("migrate", interactive=False, verbosity=0)
        administrator = first_start.ensure_administrator()
        if with_demo:
            demo.seed()  # first, so that this host stands at a site of the demo
        first_start.ensure_vantage(settings.VANTAGE)
        if first_start.ensure_static_files():
            self._say("static files collected")
        sync_schedules(now=timezone.now())
        return administrator

    def _say(self, text: str) -> None:
        self.stdout.write(f"pathwarden: {text}")
        self.stdout.flush()


class _Announcement:
    """Prints the address once the web process answers, and the password once ever."""

    def __init__(
        self,
        command: Command,
        host: str,
        port: int,
        administrator: first_start.NewAdministrator | None,
    ) -> None:
        self._command = command
        reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
        self._url = f"http://{_bracketed(reachable)}:{port}/"
        self._administrator = administrator
        self._done = False
        self._next_look = 0.0

    def when_ready(self) -> None:
        now = time.monotonic()
        if self._done or now < self._next_look:
            return
        self._next_look = now + 0.5
        try:
            urllib.request.urlopen(f"{self._url}healthz", timeout=0.5).close()  # noqa: S310 - http
        except (urllib.error.URLError, OSError):
            return
        self._done = True
        self._command.stdout.write(f"\n  Pathwarden is running:  {self._url}")
        _write_credentials(self._command, self._administrator)
        self._command.stdout.write("  Ctrl-C stops everything.\n")
        self._command.stdout.flush()


def _write_credentials(
    command: BaseCommand, administrator: first_start.NewAdministrator | None
) -> None:
    """The password of a new administrator, or how to get another one."""
    write = command.stdout.write
    if administrator is not None:
        write(f"  User:                   {administrator.name}")
        write(f"  Password:               {administrator.password}   (shown once)")
    else:
        write("  Password forgotten?     .venv/bin/python manage.py changepassword admin")


def _children(host: str, port: int, *, with_demo: bool) -> list[ChildSpec]:
    manage = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py")]
    children = [
        ChildSpec(
            "web",
            [
                sys.executable, "-m", "gunicorn", "sdwan_site.wsgi:application",
                "--bind", f"{_bracketed(host)}:{port}",
                "--workers", "1", "--threads", str(WEB_THREADS),
                "--graceful-timeout", "5", "--timeout", "60",
                "--log-level", "warning", "--chdir", str(settings.BASE_DIR),
                "--no-control-socket",
            ],
            {"DJANGO_SETTINGS_MODULE": "sdwan_site.settings"},
        ),
        ChildSpec("housekeeping cluster", [*manage, "cluster"]),
        ChildSpec("vantage cluster", [*manage, "cluster", "--name", settings.VANTAGE]),
    ]  # fmt: skip
    if with_demo:
        command = [*manage, "reflector", "--cycle", str(demo.reflectors_file())]
        children.insert(0, ChildSpec("demo reflectors", command))
    return children


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _check_port(host: str, port: int) -> None:
    """Fail before anything is started when the port can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"Can't listen on {host} port {port}: {error}. Choose another with --port "
                "(make run PORT=8001)."
            ) from None
