"""The three roles as groups: viewer reads, operator acts, admin configures."""

from __future__ import annotations

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

READABLE = Q(content_type__app_label__in=["health", "failover"], codename__startswith="view_")
OPERATIONS = Q(codename__in=["probe_path", "operate_failoverpolicy"])
CONFIGURATION = Q(
    content_type__model__in=[
        "site",
        "vantage",
        "uplink",
        "probeprofile",
        "slaprofile",
        "path",
        "pathtarget",
        "failoverpolicy",
        "policymember",
        "policyroute",
        "maintenancewindow",
        "user",
        "apitoken",
    ]
) | Q(content_type__app_label="auth", content_type__model="group", codename="view_group")

ROLES = {
    "viewer": READABLE,
    "operator": READABLE | OPERATIONS,
    "admin": READABLE | OPERATIONS | CONFIGURATION,
}


def add_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Permissions are made after all migrations; the roles need them now.
    for label in ("health", "failover", "sdwan_site", "auth"):
        config = apps.get_app_config(label)
        before = getattr(config, "models_module", None)  # absent in the state of a migration
        config.models_module = True  # type: ignore[assignment]  # what create_permissions asks for
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = before
    permission = apps.get_model("auth", "Permission")
    group = apps.get_model("auth", "Group")
    for name, rights in ROLES.items():
        role, _ = group.objects.get_or_create(name=name)
        role.permissions.set(permission.objects.filter(rights))


class Migration(migrations.Migration):
    dependencies = [
        ("sdwan_site", "0001_initial"),
        ("health", "0002_built_in_profiles"),
        ("failover", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(add_roles, migrations.RunPython.noop)]
