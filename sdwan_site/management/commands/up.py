"""``manage.py up``: the whole product in one terminal."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.utils import timezone

from sdwan_site import demo, first_start
from sdwan_site.processes.run_plan import ChildSpec, RunPlan, become_supervisor
from sdwan_site.schedules import sync_schedules

WEB_THREADS = 8


class Command(BaseCommand):
    """Prepares the installation, then becomes the supervisor of web and clusters."""

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
        """Prepare, then hand over to a process without Django."""
        host, port = options["host"], options["port"]
        if not options["prepare_only"]:
            _check_port(host, port)
        administrator = self._prepare(with_demo=options["demo"])
        if options["prepare_only"]:
            self._say("prepared")
            self.stdout.write("\n".join(_credentials(administrator)))
            return
        connections.close_all()
        become_supervisor(_plan(host, port, administrator, with_demo=options["demo"]))

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


def _plan(
    host: str, port: int, administrator: first_start.NewAdministrator | None, *, with_demo: bool
) -> RunPlan:
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    return RunPlan(
        children=_children(host, port, with_demo=with_demo),
        host=reachable,
        port=port,
        announcement=[
            f"\n  Pathwarden is running:  http://{_bracketed(reachable)}:{port}/",
            *_credentials(administrator),
            "  Ctrl-C stops everything.\n",
        ],
        log_format=settings.LOG_FORMAT,
    )


def _credentials(administrator: first_start.NewAdministrator | None) -> list[str]:
    """The password of a new administrator, or how to get another one."""
    if administrator is None:
        return ["  Password forgotten?     .venv/bin/python manage.py changepassword admin"]
    return [
        f"  User:                   {administrator.name}",
        f"  Password:               {administrator.password}   (shown once)",
    ]


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
        # With the name in the environment the command need not start over to enter it.
        ChildSpec(
            "housekeeping cluster",
            [*manage, "cluster"],
            {"Q_CLUSTER_NAME": settings.DEFAULT_CLUSTER},
        ),
        ChildSpec(
            "vantage cluster",
            [*manage, "cluster", "--name", settings.VANTAGE],
            {"Q_CLUSTER_NAME": settings.VANTAGE},
        ),
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
