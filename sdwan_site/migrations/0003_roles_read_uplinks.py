"""The roles may read what came after them: the present and the traffic of uplinks."""

from __future__ import annotations

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROLES = ("viewer", "operator", "admin")
READABLE = ("view_currentuplink", "view_uplinktraffic")


def let_roles_read(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Permissions are made after all migrations; the roles need them now.
    config = apps.get_app_config("health")
    before = getattr(config, "models_module", None)  # absent in the state of a migration
    config.models_module = True  # type: ignore[assignment]  # what create_permissions asks for
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = before
    rights = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="health", codename__in=READABLE
    )
    for role in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        role.permissions.add(*rights)


class Migration(migrations.Migration):
    dependencies = [
        ("sdwan_site", "0002_roles"),
        ("health", "0003_probe_engine"),
    ]

    operations = [migrations.RunPython(let_roles_read, migrations.RunPython.noop)]
