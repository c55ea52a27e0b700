"""The doctor has a line for each uplink of this probe host, and none for those elsewhere."""

from __future__ import annotations

import pytest
from django.utils import timezone

from sdwan_site import doctor
from sdwan_site.doctor import Verdict
from tests.factories import UplinkFactory, VantageFactory

pytestmark = pytest.mark.django_db


def test_each_uplink_of_this_host_is_examined() -> None:
    here, elsewhere = VantageFactory(name="local"), VantageFactory(name="elsewhere")
    UplinkFactory(vantage=here, name="loop", interface="lo")
    UplinkFactory(vantage=here, name="typo", interface="no-such-if")
    UplinkFactory(vantage=elsewhere, name="far", interface="no-such-if")
    found = {one.check: one for one in doctor.check_uplinks(timezone.now())}
    assert found["uplink loop"].verdict is Verdict.OK
    assert found["uplink typo"].verdict is Verdict.FAULT
    assert found["uplink typo"].sentence == "Interface no-such-if does not exist."
    assert "interface" in found["uplink typo"].cure
    assert "uplink far" not in found
