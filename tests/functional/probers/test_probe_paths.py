"""A path measured by hand: real packets to its targets on loopback, by command, page and API."""

from __future__ import annotations

import io
import json
import re
import socket

import pytest
from django.core.management import CommandError, call_command

from health.models import Path
from health.on_demand import orders
from health.tasks import carry_out_probe_order
from tests.factories import (
    MonitorLeaseFactory,
    PathFactory,
    PathTargetFactory,
    UplinkFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(reflect) -> Path:
    """A STAMP path of this host to two reflectors, one 20 ms away."""
    uplink = UplinkFactory(vantage=VantageFactory(name="local"), interface="", fwmark=None)
    made = PathFactory(name="Warsaw via fibre", kind="stamp", uplink=uplink, quorum=2)
    for delay_ms in (0, 20):
        host, port = reflect(delay_ms=delay_ms).addresses[0]
        PathTargetFactory(path=made, address=host, port=port)
    return made


@pytest.fixture
def deaf(path: Path, far_port: int) -> Path:
    """The same path, whose second target refuses."""
    target = path.targets.last()
    target.port = far_port
    target.save()
    return path


@pytest.fixture
def far_port() -> int:
    """A UDP port of this host that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        return int(placeholder.getsockname()[1])


def probe(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("probe", *words, "--interval", "0.01", stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize("by", ["name", "uid", "pk"])
def test_a_path_is_found_by_name_uid_and_id_and_all_its_targets_are_probed(path, by):
    status, text = probe(str(getattr(path, by)), "-c", "2", "--path")
    assert status == 0
    assert text.startswith("Warsaw via fibre: stamp, 2 targets\n")
    assert len(re.findall(r"^[12]: 127\.0\.0\.1 \d+\.\d{3} ms$", text, re.MULTILINE)) == 4
    assert len(re.findall(r"^--- .* 2 sent, 2 received, 0\.0 % loss$", text, re.MULTILINE)) == 2


def test_a_name_is_taken_before_an_id(path):
    PathFactory(name=str(path.pk), uplink=path.uplink)
    with pytest.raises(CommandError, match="has no target"):
        probe(str(path.pk))


def test_the_json_of_a_path_has_its_targets(path):
    status, text = probe(path.name, "-c", "1", "--json")
    result = json.loads(text)
    assert (status, result["path_id"], result["sent"], result["received"]) == (0, path.pk, 2, 2)
    near, far = result["targets"]
    assert near["min_ms"] < far["min_ms"]
    assert far["min_ms"] >= 19


def test_less_than_the_quorum_is_unreachable(deaf):
    status, text = probe(deaf.name, "-c", "1")
    assert status == 1
    assert "refused: Destination port unreachable from 127.0.0.1" in text


def test_a_path_of_another_host_is_refused_with_the_place_to_go(path):
    path.uplink.vantage = VantageFactory(name="branch")
    path.uplink.save()
    with pytest.raises(CommandError, match="measured from probe host branch, this is local") as no:
        probe(path.name)
    assert no.value.returncode == 2


def test_a_word_that_is_no_path_is_an_error_where_a_path_was_meant(path):
    with pytest.raises(CommandError, match="neither the name nor the uid nor the id") as no:
        probe("localhost", "--path")
    assert no.value.returncode == 2


@pytest.fixture
def served(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path with a living monitor, whose worker takes an order at once."""
    MonitorLeaseFactory(vantage=path.uplink.vantage)
    monkeypatch.setattr(
        orders, "async_task", lambda task, *words, q_options: carry_out_probe_order(*words)
    )
    return path


def test_the_api_measures_real_targets(served, operator_client):
    answer = operator_client.post(
        f"/api/v1/paths/{served.pk}/probe/", {"count": 2}, content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    result = answer.json()
    assert (result["reachable"], result["sent"], result["received"]) == (True, 4, 4)
    near, far = result["targets"]
    assert near["latency_ms"] < far["latency_ms"]
    assert far["min_latency_ms"] >= 19


def test_the_api_measures_echo_requests(served, operator_client, icmp):
    served.targets.last().delete()
    served.targets.update(port=None)
    Path.objects.filter(pk=served.pk).update(kind="icmp", quorum=None)
    answer = operator_client.post(
        f"/api/v1/paths/{served.pk}/probe/", {"count": 1}, content_type="application/json"
    )
    assert answer.json()["targets"][0]["received"] == 1


def test_the_page_measures_real_targets(served, operator_client):
    html = operator_client.post(
        f"/_/paths/{served.pk}/probe/", headers={"HX-Request": "true"}
    ).content.decode()
    assert "Reachable: 6 of 6 probes were answered" in html
