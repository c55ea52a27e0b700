"""People (User) and programs (ApiToken): the only rows the composition root owns."""

from __future__ import annotations

import zoneinfo

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from knox.models import AbstractAuthToken


def validate_time_zone(value: str) -> None:
    """Refuse a name that the time zone database does not know."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            f"{value!r} is not a time zone; write a name such as Europe/Berlin.",
            code="unknown_time_zone",
        )


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox is untyped
    """A person. Roles are groups (viewer, operator, admin), not fields."""

    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="Zone in which this person reads times, such as Europe/Berlin. "
        "Empty: the zone of the server.",
    )

    class Meta(AbstractUser.Meta):
        db_table = "sdwan_users"


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox is untyped
    """A program's key. Only a hash is stored; the token is shown once, when it is made.

    A token never can do more than its user, and less where ``scope`` says so.
    """

    class Scope(models.TextChoices):
        """How much of the user's rights the token carries."""

        READ = "read", "read only"
        OPERATE = "operate", "read and operate"
        ADMIN = "admin", "everything the user may do"

    name = models.CharField(
        max_length=100, help_text="What uses the token, so that it can be revoked by name."
    )
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    site = models.ForeignKey(
        "health.Site",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Limits the token to the paths and policies of one site. Empty: all sites.",
    )

    class Meta:
        db_table = "sdwan_api_tokens"
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"
