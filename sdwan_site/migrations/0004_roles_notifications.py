"""Channels and hooks for the roles: everybody sees them, admins configure them."""

from __future__ import annotations

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

MODELS = ["notificationchannel", "policyhook"]


def let_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    config = apps.get_app_config("failover")
    before = getattr(config, "models_module", None)  # absent in the state of a migration
    config.models_module = True  # type: ignore[assignment]  # what create_permissions asks for
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = before
    rights = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="failover", content_type__model__in=MODELS
    )
    for role in apps.get_model("auth", "Group").objects.filter(
        name__in=["viewer", "operator", "admin"]
    ):
        allowed = rights if role.name == "admin" else rights.filter(codename__startswith="view_")
        role.permissions.add(*allowed)


class Migration(migrations.Migration):
    dependencies = [
        ("sdwan_site", "0003_roles_read_uplinks"),
        ("failover", "0004_hooks_and_notifications"),
    ]

    operations = [migrations.RunPython(let_roles, migrations.RunPython.noop)]
