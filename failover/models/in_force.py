"""What an executor last found or made in the network, beside what was decided."""

from __future__ import annotations

from django.db import models

from failover.models.policies import FailoverPolicy
from health.models import Path


class RouteInForce(models.Model):
    """The path that a policy's traffic really takes, as far as its executor can tell.

    ``FailoverState`` is the wish, this is the fact. Written by the monitor of the vantage
    and by ``manage.py reconcile``; a policy that nobody has looked after yet has no row.
    """

    policy = models.OneToOneField(
        FailoverPolicy, primary_key=True, on_delete=models.CASCADE, related_name="in_force"
    )
    path = models.ForeignKey(
        Path, null=True, on_delete=models.SET_NULL, related_name="+", help_text="Empty: no path."
    )
    executor = models.CharField(max_length=20)
    generation = models.PositiveBigIntegerField()
    lease_epoch = models.PositiveBigIntegerField()
    applied_at = models.DateTimeField()
    failed_repairs = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(
        max_length=500, blank=True, help_text="Why the network is not as decided."
    )

    class Meta:
        db_table = "sdwan_routes_in_force"

    def __str__(self) -> str:
        return f"{self.policy_id}: path {self.path_id}, generation {self.generation}"
