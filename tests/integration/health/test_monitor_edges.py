"""Edges of the running monitor: names, the end of a lease, the name of a probe host."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from health.engine.clock import FakeClock
from health.models import Vantage
from health.monitoring import monitor
from health.monitoring.lease import Lease, LoopFigures
from health.monitoring.lease_keeper import LeaseKeeper
from tests.factories import SiteFactory, VantageFactory


def test_a_name_that_resolves_to_a_metadata_service_is_not_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitor, "resolve", lambda name: "169.254.169.254")
    with pytest.raises(ValueError, match="cloud metadata address: it is not probed"):
        monitor._resolve_probeable("innocent.example.net")


def test_a_lease_that_is_being_given_back_lets_nobody_act(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = LeaseKeeper(Lease(1, "me", 1, predecessor_gone=True), FakeClock(), LoopFigures)
    monkeypatch.setattr(keeper._thread, "join", lambda timeout: None)
    assert keeper.may_act()
    keeper.stop()
    assert not keeper.may_act()


@pytest.mark.django_db
def test_the_queue_of_the_housekeeping_is_no_name_for_a_probe_host() -> None:
    with pytest.raises(ValidationError, match="queue of the housekeeping"):
        Vantage(name=settings.DEFAULT_CLUSTER, site=SiteFactory()).full_clean()


@pytest.mark.django_db
def test_the_name_of_a_probe_host_is_fixed_once_it_is_there(admin_role_client: Client) -> None:
    vantage = VantageFactory(name="oslo")
    address = reverse("admin:health_vantage_change", args=[vantage.pk])
    admin_role_client.post(address, {"name": "bergen", "site": vantage.site_id})
    vantage.refresh_from_db()
    assert vantage.name == "oslo"
