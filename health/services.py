"""Writes of ``health`` that admin and API share. Rows in, rows out; rules are in ``validation``."""

from __future__ import annotations

from typing import TypeVar

from django.db import transaction

from health.models import ProbeProfile, SlaProfile

Profile = TypeVar("Profile", ProbeProfile, SlaProfile)


@transaction.atomic
def copy_profile(profile: Profile) -> Profile:
    """An editable copy of ``profile`` under the next free name ``<name>-copy``."""
    model = type(profile)
    taken = set(model.objects.values_list("name", flat=True))
    skipped = {"id", "name", "built_in", "created_at", "updated_at"}
    values = {
        field.name: getattr(profile, field.name)
        for field in model._meta.concrete_fields
        if field.name not in skipped
    }
    return model.objects.create(name=_free_name(profile.name, taken), built_in=False, **values)


def _free_name(name: str, taken: set[str]) -> str:
    longest = 32  # the field holds 40: room for the ending
    stem = f"{name[:longest]}-copy"
    candidates = [stem, *(f"{stem}{n}" for n in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)
