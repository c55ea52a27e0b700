"""``manage.py token``: make an API token for a user."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sdwan_site.models import ApiToken, User


class Command(BaseCommand):
    """The token itself is printed once; only its hash is kept."""

    help = "Make an API token for a user and print it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose token, what for, how long, how far."""
        parser.add_argument("user", help="Name of the user on whose behalf the program acts.")
        parser.add_argument("--name", default="command line", help="What uses the token.")
        parser.add_argument("--days", type=int, default=365, help="Days until it expires (365).")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.READ)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make and print."""
        name, days = options["user"], options["days"]
        if days < 1:
            raise CommandError(f"--days {days}: a token lives at least one day.")
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(
                f"There is no active user {name!r}; make one with `manage.py createsuperuser` "
                "or in the admin."
            )
        _, token = ApiToken.objects.create(
            user=user, expiry=timedelta(days=days), name=options["name"], scope=options["scope"]
        )
        self.stdout.write(token)
