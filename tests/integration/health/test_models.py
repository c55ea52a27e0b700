"""What can't work is refused by the database itself, and by a form in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError

from health.models import (
    HealthSample,
    Path,
    PathTarget,
    ProbeProfile,
    Site,
    SlaProfile,
    Uplink,
    Vantage,
)
from tests.factories import (
    HealthSampleFactory,
    PathFactory,
    PathTargetFactory,
    ProbeProfileFactory,
    SiteFactory,
    SlaProfileFactory,
    UplinkFactory,
    VantageFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db


def refused_by_database(row: models.Model) -> None:
    """``bulk_create`` and ``update`` know no validators, only the constraints."""
    with pytest.raises(IntegrityError), transaction.atomic():
        type(row)._default_manager.bulk_create([row])


WRONG_ROWS: list[tuple[str, Callable[[], models.Model], str]] = [
    ("site without a name", lambda: Site(name=""), "Give the site a name"),
    ("site twice", lambda: Site(name=SiteFactory().name), "already exists"),
    ("vantage twice", lambda: Vantage(name=VantageFactory().name, site=SiteFactory()), "exists"),
    (
        "uplink without a name",
        lambda: Uplink(name="", vantage=VantageFactory()),
        "Give the uplink a name",
    ),
    (
        "uplink twice on a vantage",
        lambda: Uplink(name="wan", vantage=UplinkFactory(name="wan").vantage),
        "already has an uplink of that name",
    ),
    ("path without a name", lambda: new_path(name=""), "Give the path a name"),
    ("path twice", lambda: new_path(name=PathFactory().name), "already exists"),
    ("DSCP beyond 63", lambda: new_path(dscp=64), "0 to 63"),
    ("quorum of nobody", lambda: new_path(quorum=0), "at least 1"),
    ("port 0", lambda: PathTarget(path=stamp(), address="192.0.2.1", port=0), "1 to 65535"),
    ("port 65536", lambda: PathTarget(path=stamp(), address="192.0.2.1", port=65_536), "65535"),
    ("target twice", lambda: same_target(port=None), "already has this target"),
    ("target with port twice", lambda: same_target(port=9_000), "already has this target"),
    ("interval too short", lambda: new_rhythm(interval_ms=49), "between 50 ms"),
    ("interval too long", lambda: new_rhythm(interval_ms=600_001), "10 min"),
    ("timeout too short", lambda: new_rhythm(timeout_ms=49), "between 50 ms"),
    ("timeout too long", lambda: new_rhythm(timeout_ms=10_001), "10 s"),
    ("weights beyond 1", lambda: SlaProfile(name="x", latency_weight=0.5), "sum to 1.1"),
    (
        "negative weight",
        lambda: SlaProfile(name="x", latency_weight=-0.2, packet_loss_weight=1.0),
        "No weight may be negative",
    ),
    ("limit of 0", lambda: SlaProfile(name="x", latency_ms=0), "greater than 0"),
    ("loss limit of 0", lambda: SlaProfile(name="x", packet_loss_pct=0), "greater than 0"),
    ("jitter limit below 0", lambda: SlaProfile(name="x", jitter_ms=-1), "greater than 0"),
]


def new_path(**fields: Any) -> Path:
    like = PathFactory()
    values = {
        "name": "new",
        "uplink": like.uplink,
        "probe_profile": like.probe_profile,
        "sla_profile": like.sla_profile,
    }
    return Path(**(values | fields))


def new_rhythm(**fields: int) -> ProbeProfile:
    values = {"interval_ms": 500, "burst_ms": 50, "hold_ms": 500, "timeout_ms": 1_000}
    return ProbeProfile(name="new", **(values | fields))


def stamp() -> Path:
    path: Path = PathFactory(kind="stamp")
    return path


def same_target(port: int | None) -> PathTarget:
    path = stamp()
    PathTargetFactory(path=path, address="192.0.2.1", port=port)
    return PathTarget(path=path, address="192.0.2.1", port=port)


@pytest.mark.parametrize(
    ("make", "words"), [row[1:] for row in WRONG_ROWS], ids=[row[0] for row in WRONG_ROWS]
)
def test_what_can_not_work_is_refused(make: Callable[[], models.Model], words: str) -> None:
    row = make()
    refused_by_database(row)
    assert words in said_about(row)


def said_about(row: models.Model) -> str:
    """All that is said: a form stops at the field, a program asks the constraints."""
    with pytest.raises(ValidationError) as of_form:
        row.full_clean()
    try:
        row.validate_constraints()
    except ValidationError as of_constraints:
        return " ".join(of_form.value.messages + of_constraints.messages)
    return " ".join(of_form.value.messages)


def test_an_update_that_bypasses_every_form_is_refused_too() -> None:
    profile = SlaProfileFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        SlaProfile.objects.filter(pk=profile.pk).update(jitter_weight=0.3)
    with pytest.raises(IntegrityError), transaction.atomic():
        ProbeProfile.objects.filter(pk=ProbeProfileFactory().pk).update(interval_ms=1)


def test_weights_that_sum_to_1_but_for_rounding_are_taken() -> None:
    SlaProfileFactory(latency_weight=0.1, packet_loss_weight=0.2, jitter_weight=0.7).full_clean()
    third = 1 / 3
    SlaProfileFactory(latency_weight=third, packet_loss_weight=third, jitter_weight=third)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "169.254.169.254",
     "fd00:ec2::254", "::ffff:169.254.169.254", "::ffff:224.0.0.1", "10.0.0.256", "10.1",
     "-bad.example", "a b", "x" * 254, ""],
)  # fmt: skip
def test_an_address_that_can_not_be_probed_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        PathTarget(path=PathFactory(), address=address).full_clean()
    assert "address" in refusal.value.message_dict


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "127.0.0.1", "2001:db8::1", "gw.example", "gw.example.", "localhost"]
)
def test_addresses_and_names_of_hosts_are_taken(address: str) -> None:
    PathTarget(path=PathFactory(), address=address).full_clean()


def test_a_port_for_a_kind_without_ports_is_refused_with_the_cure() -> None:
    with pytest.raises(ValidationError, match="ICMP echo has no ports; leave it empty"):
        PathTarget(path=PathFactory(kind="icmp"), address="192.0.2.1", port=7).full_clean()


@pytest.mark.parametrize(
    ("kind", "asked", "field", "words"),
    [
        ("icmp", {"request": "x"}, "request", "ICMP echo: This kind of probe asks nothing"),
        ("tcp", {"expected_text": "x"}, "expected_text", "TCP connect: This kind"),
        ("dns", {"request": "a b c"}, "request", "write a name, or a name and a type"),
        ("dns", {"expected_status": 200}, "expected_status", "Only HTTP has a status"),
        ("http", {"request": "example.com"}, "request", "write one such as https://"),
        ("http", {"request": "https://x/", "port": 443}, "port", "The URL says the port"),
    ],
)
def test_what_a_kind_can_not_ask_or_expect_is_refused_by_its_field(
    kind: str, asked: dict[str, Any], field: str, words: str
) -> None:
    target = PathTarget(path=PathFactory(kind=kind), address="192.0.2.1", **asked)
    with pytest.raises(ValidationError) as refusal:
        target.full_clean()
    (message,) = refusal.value.message_dict[field]
    assert words in message


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("dns", {"request": "www.example AAAA", "expected_text": "2001:db8::1", "port": 5353}),
        ("http", {"request": "https://x:8443/a?b", "expected_text": "ok", "expected_status": 200}),
        ("http", {"port": 8080}),
        ("tcp", {"port": 22}),
    ],
)
def test_what_a_kind_can_ask_is_taken(kind: str, asked: dict[str, Any]) -> None:
    PathTarget(path=PathFactory(kind=kind), address="192.0.2.1", **asked).full_clean()


@pytest.mark.parametrize("interface", ["wan 0", "wan/0", "a" * 16, "wán", "wan0\n"])
def test_an_interface_name_that_no_kernel_has_is_refused(interface: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Uplink(name="x", vantage=VantageFactory(), interface=interface).full_clean()
    assert "interface" in refusal.value.message_dict


@pytest.mark.parametrize("field", ["gateway", "source"])
def test_a_gateway_is_auto_or_an_address(field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Uplink(name="x", vantage=VantageFactory(), **{field: "router"}).full_clean()
    assert "'router' is neither 'auto' nor an IP address." in refusal.value.message_dict[field]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError) as refusal:
        new_path(kind="pigeon").full_clean()
    assert "kind" in refusal.value.message_dict


def test_what_is_in_use_is_not_deleted_under_its_users() -> None:
    path = PathFactory()
    for used in (path.uplink, path.probe_profile, path.sla_profile, path.uplink.vantage):
        with pytest.raises(ProtectedError):
            used.delete()


def test_deleting_a_path_leaves_its_samples_to_retention() -> None:
    path = measured_path("fibre")
    HealthSampleFactory(path=path)
    path.delete()
    assert HealthSample.objects.count() == 1


def test_a_path_has_one_sample_a_slot() -> None:
    sample = HealthSampleFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        HealthSampleFactory(path=sample.path, timestamp=sample.timestamp)


def test_the_built_in_profiles_are_sound() -> None:
    for profile in (*ProbeProfile.objects.all(), *SlaProfile.objects.all()):
        profile.full_clean()
    metered = ProbeProfile.objects.get(name="metered")
    assert (metered.interval_ms, metered.window_secs) == (10_000, 600)
