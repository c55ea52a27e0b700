"""Names are resolved beside the loop, and a dead resolver leaves the last address standing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from health.engine import resolver as resolver_module
from health.engine.resolver import NameQuery, NameResolver


def until(condition: Callable[[], object], patience_secs: float = 5.0) -> None:
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


class Zone:
    """What the name server says; a missing name is an error."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.asked: list[str] = []

    def resolve(self, name: str) -> str:
        self.asked.append(name)
        if name not in self.addresses:
            raise OSError(f"{name} is unknown")
        return self.addresses[name]


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def names(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> Iterator[NameResolver]:
    monkeypatch.setattr(resolver_module, "RESOLVE_EVERY_SECS", 0.01)
    monkeypatch.setattr(resolver_module, "FIRST_RETRY_SECS", 0.01)
    resolver = NameResolver(zone.resolve)
    yield resolver
    resolver.close()


def test_a_literal_address_is_its_own_and_nobody_is_asked(names: NameResolver, zone: Zone) -> None:
    names.want(["192.0.2.1", "2001:db8::1"])
    assert names.address_of("192.0.2.1") == "192.0.2.1"
    assert names.address_of("2001:db8::1") == "2001:db8::1"
    assert zone.asked == []


def test_a_name_has_no_address_until_it_has_been_resolved(names: NameResolver, zone: Zone) -> None:
    assert names.address_of("a.example") is None
    zone.addresses["a.example"] = "192.0.2.1"
    names.want(["a.example"])
    until(lambda: names.address_of("a.example") == "192.0.2.1")


def test_a_name_that_fails_says_why(names: NameResolver) -> None:
    names.want(["bad.example"])
    until(lambda: names.error_of("bad.example"))
    assert names.error_of("bad.example") == "bad.example is unknown"
    assert names.error_of("other.example") == ""


def test_a_name_keeps_its_last_address_while_the_resolver_is_dead(
    names: NameResolver, zone: Zone
) -> None:
    zone.addresses["a.example"] = "192.0.2.1"
    names.want(["a.example"])
    until(lambda: names.address_of("a.example"))
    zone.addresses.clear()
    until(lambda: names.error_of("a.example"))
    assert names.address_of("a.example") == "192.0.2.1"
    zone.addresses["a.example"] = "192.0.2.2"
    until(lambda: names.address_of("a.example") == "192.0.2.2")
    until(lambda: not names.error_of("a.example"))


def test_a_name_added_later_does_not_wait_for_the_next_regular_look(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "RESOLVE_EVERY_SECS", 600.0)
    zone.addresses |= {"a.example": "192.0.2.1", "b.example": "192.0.2.2"}
    names = NameResolver(zone.resolve)
    names.want(["a.example"])
    until(lambda: names.address_of("a.example"))
    names.want(["a.example", "b.example"])
    until(lambda: names.address_of("b.example"))
    names.close()


def test_a_resolver_of_literals_starts_no_thread(names: NameResolver) -> None:
    names.want(["192.0.2.1"])
    assert names._thread is None


def test_a_slow_resolution_holds_nobody_up() -> None:
    release = threading.Event()

    def slow(name: str) -> str:
        release.wait(5)
        return "192.0.2.1"

    names = NameResolver(slow)
    names.want(["slow.example"])
    assert names.address_of("slow.example") is None
    names.close()
    release.set()


def test_a_defect_of_one_resolution_does_not_end_all_others(
    names: NameResolver, zone: Zone
) -> None:
    def resolve(name: str) -> str:
        if name == "a.example":
            raise RuntimeError("a defect")
        return zone.resolve(name)

    names._ask_system = resolve
    zone.addresses["b.example"] = "192.0.2.2"
    names.want(["a.example", "b.example"])
    until(lambda: names.address_of("b.example"))
    until(lambda: "a defect" in names.error_of("a.example"))


def test_of_several_addresses_the_present_one_stays_while_it_is_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolver_module, "RESOLVE_EVERY_SECS", 0.01)
    turns: list[list[str]] = []

    def rotate(name: str) -> list[str]:
        addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        if len(turns) > 20:
            addresses.remove("192.0.2.1")
        start = len(turns) % len(addresses)
        turns.append(addresses[start:] + addresses[:start])
        return turns[-1]

    names = NameResolver(rotate)
    names.want(["a.example"])
    until(lambda: len(turns) > 15)
    assert names.address_of("a.example") == "192.0.2.1"
    assert names.changes == 1
    until(lambda: names.address_of("a.example") in {"192.0.2.2", "192.0.2.3"})
    assert names.changes == 2
    names.close()


def test_an_address_that_must_not_be_probed_is_refused_with_its_kind(zone: Zone) -> None:
    zone.addresses["a.example"] = "224.0.0.1"
    names = NameResolver(zone.resolve, refuse=lambda a: "multicast" if a[:3] == "224" else "")
    names.want(["a.example"])
    until(lambda: names.error_of("a.example"))
    names.close()
    assert names.address_of("a.example") is None
    assert "224.0.0.1, a multicast address: it is not probed" in names.error_of("a.example")


def test_a_successor_begins_with_the_addresses_of_its_predecessor(zone: Zone) -> None:
    names = NameResolver(zone.resolve)
    names.restore({NameQuery("a.example", 7): "192.0.2.9", NameQuery("b.example"): "not one"})
    names.want([("a.example", 7)])
    until(lambda: names.error_of("a.example", 7))
    assert names.address_of("a.example", 7) == "192.0.2.9"
    assert names.known() == {NameQuery("a.example", 7): "192.0.2.9"}
    names.close()


def test_a_name_that_is_wanted_no_more_is_forgotten(names: NameResolver, zone: Zone) -> None:
    zone.addresses |= {"a.example": "192.0.2.1", "b.example": "192.0.2.2"}
    names.want(["a.example", "b.example"])
    until(lambda: len(names.known()) == 2)
    names.want(["b.example"])
    until(lambda: len(names.known()) == 1)
    assert names.address_of("b.example") == "192.0.2.2"


def test_the_same_trouble_is_logged_once(
    names: NameResolver, zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    names.want(["bad.example"])
    until(lambda: zone.asked.count("bad.example") > 5)
    assert sum("bad.example" in record.message for record in caplog.records) == 1
