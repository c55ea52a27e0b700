"""What the executors of routes ask of a policy."""

from __future__ import annotations

import django.db.models.functions.comparison
from django.db import migrations, models

import failover.models.policies


class Migration(migrations.Migration):
    dependencies = [("failover", "0004_hooks_and_notifications")]

    operations = [
        migrations.RemoveConstraint(
            model_name="policyroute",
            name="route_unique_in_policy",
        ),
        migrations.AddField(
            model_name="failoverpolicy",
            name="connections",
            field=models.CharField(
                choices=failover.models.policies.connections_choices,
                default="old_path",
                help_text="Which tracked connections are forgotten after a switch, so that they are translated to the new line's address: those of the path that was left, all, or none.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="failoverpolicy",
            name="ipv6_default_declared",
            field=models.BooleanField(
                default=False,
                help_text="There is provider-independent space, NPTv6, or a hook that deprecates the old prefix: without, hosts keep addresses that the other provider drops.",
                verbose_name="IPv6 default route declared",
            ),
        ),
        migrations.AlterField(
            model_name="policyroute",
            name="rule_destination",
            field=models.CharField(
                blank=True,
                max_length=49,
                validators=[failover.models.policies.validate_network],
            ),
        ),
        migrations.AlterField(
            model_name="policyroute",
            name="rule_source",
            field=models.CharField(
                blank=True,
                max_length=49,
                validators=[failover.models.policies.validate_network],
            ),
        ),
        migrations.AddConstraint(
            model_name="policyroute",
            constraint=models.UniqueConstraint(
                models.F("policy"),
                models.F("family"),
                models.F("prefix"),
                models.F("table"),
                models.F("metric"),
                models.F("rule_source"),
                models.F("rule_destination"),
                models.F("rule_interface"),
                django.db.models.functions.comparison.Coalesce("rule_dscp", -1),
                django.db.models.functions.comparison.Coalesce("rule_fwmark", -1),
                name="route_unique_in_policy",
                violation_error_message="The policy already steers this route.",
            ),
        ),
    ]
