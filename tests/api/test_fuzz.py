"""Requests made from the schema, valid and not, against the real application in this process.

Whatever is sent: no error of the server, and every answer as documented.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from export.api.views import ordering, probing
from failover.models import OperatorOrder, OrderKind
from health.models import ProbeOrder
from sdwan_site.models import ApiToken
from tests.factories import (
    CurrentUplinkFactory,
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    HealthSampleFactory,
    MonitorLeaseFactory,
    PathFactory,
    UplinkTrafficFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

EXAMPLES = 60
"""For each of the 27 operations, beside the systematic ones: about 2,000 requests in all."""

# Two moments can each be right and make a wrong span, which no schema can say.
CONFIG = SchemathesisConfig.from_dict(
    {
        "operations": [
            {
                "include-operation-id": name,
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "404"]}
                },
            }
            for name in ("paths_history", "events_list", "uplinks_traffic", "policies_replay")
        ]
        + [
            {
                # Nobody carries an order out here: the next one is a conflict, later ones too many.
                "include-operation-id": "paths_probe",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "429"]}
                },
            }
        ]
        + [
            {
                # A made-up path is no member, a made-up generation stale, a second order too early.
                "include-operation-id": f"policies_{kind}",
                "checks": {
                    "positive_data_acceptance": {
                        "expected-statuses": ["2xx", "400", "404", "409", "429"]
                    }
                },
            }
            for kind in OrderKind.values
        ]
    }
)


@pytest.fixture
def open_connection():
    """As Django's own test client: the end of a request must not close the test's transaction."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def token(open_connection, operator, monkeypatch):
    """What the requests send, of an operator of a network that has one of everything."""
    for module in (probing, ordering):
        monkeypatch.setattr(module, "WAIT_SECS", 0.0)
    path = measured_path("fibre")
    MonitorLeaseFactory(vantage=path.uplink.vantage)
    ProbeOrder.objects.create(path=path, actor="x", count=3, state="done", asked_at=4e9)
    HealthSampleFactory(path=path)
    CurrentUplinkFactory(uplink=path.uplink)
    UplinkTrafficFactory(uplink=path.uplink)
    policy = FailoverPolicyFactory(members=[path, PathFactory()])
    FailoverStateFactory(policy=policy, active_path=path)
    FailoverEventFactory(policy=policy, to_path=path)
    now = timezone.now()
    OperatorOrder.objects.create(
        policy=policy, kind="pause", reason="x", stage="done", asked_at=now, expires_at=now
    )
    _, token = ApiToken.objects.create(
        user=operator, expiry=timedelta(days=1), name="fuzz", scope="operate"
    )
    return f"Token {token}"


# The committed document, which another test holds to be what the application gives.
schema = schemathesis.openapi.from_path(
    Path(__file__).parents[2] / "docs" / "openapi.yaml", config=CONFIG
)
schema.app = get_wsgi_application()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    # The same requests in each run: CI fails for a change, not by chance.
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # the rows are only read
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)
def test_every_answer_is_as_documented_whatever_is_asked(case, token):
    case.call_and_validate(headers={"Authorization": token})
