from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("failover", "0004_hooks_and_notifications")]

    operations = []
