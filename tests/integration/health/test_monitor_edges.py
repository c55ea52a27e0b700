"""Edges of the running monitor: names, the end of a lease, the name of a probe host."""

from __future__ import annotations

import time

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from health.engine.clock import FakeClock
from health.engine.resolver import NameResolver
from health.models import Vantage
from health.models.validators import unprobeable_kind
from health.monitoring.lease import Lease
from health.monitoring.lease_keeper import LeaseKeeper
from health.monitoring.loop_figures import LoopFigures
from tests.factories import SiteFactory, VantageFactory


@pytest.mark.django_db
def test_a_name_that_resolves_to_a_metadata_service_is_not_probed() -> None:
    assert unprobeable_kind("169.254.169.254") == "cloud metadata"
    resolver = NameResolver(lambda name: ["169.254.169.254"], refuse=unprobeable_kind)
    resolver.want([("innocent.example.net", 0)])
    deadline = time.monotonic() + 30
    while not resolver.error_of("innocent.example.net") and time.monotonic() < deadline:
        time.sleep(0.01)
    resolver.close()
    assert "a cloud metadata address: it is not probed" in resolver.error_of("innocent.example.net")
    assert resolver.address_of("innocent.example.net") is None


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
