"""Each switch asks for a traceroute over both paths; it becomes evidence and holds up nothing."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest

from failover import tracing
from failover.control.courier import Courier
from failover.deliveries import due_topics
from failover.hops import Hop, TraceError, Way
from failover.models import EventType, FailoverEvent, OutboxMessage, OutboxTopic
from failover.services.fan_out import fan_out
from failover.tasks import trace_switches
from tests import factories

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
WAY = Way((Hop(1, "192.0.2.1", 0.4), Hop(2, "203.0.113.9", 1.5)), True, 2)


def path(name: str, vantage: Any = None, **uplink: Any) -> Any:
    """A path with one target."""
    values = {"vantage": vantage} if vantage else {}
    made = factories.PathFactory(name=name, uplink=factories.UplinkFactory(**values, **uplink))
    made.targets.all().delete()
    factories.PathTargetFactory(path=made, address="203.0.113.9")
    return made


def switched(old: Any, new: Any, event_type: str = EventType.TRIGGERED) -> FailoverEvent:
    event = factories.FailoverEventFactory(
        event_type=event_type,
        timestamp=NOW,
        from_path=old,
        from_path_name=old.name if old else "",
        to_path=new,
        to_path_name=new.name,
    )
    fan_out(event, now=NOW)
    return event


def rows() -> Any:
    return OutboxMessage.objects.filter(topic=OutboxTopic.TRACE)


def evidence_of(event: FailoverEvent) -> dict[str, Any]:
    event.refresh_from_db()
    return event.evidence["traceroute"]


@pytest.fixture
def pair() -> tuple[Any, Any]:
    old = path("fibre")
    return old, path("lte", vantage=old.uplink.vantage, interface="wwan0", source="192.0.2.2")


def run(event: FailoverEvent, tracer: Any, *, after_secs: float = 0.0) -> int:
    vantage_id = event.to_path.uplink.vantage_id
    now = NOW + dt.timedelta(seconds=after_secs)
    return tracing.trace_switches(vantage_id, now=now, tracer=tracer)


def test_both_paths_are_traced_over_their_own_uplinks(pair) -> None:
    asked: dict[str, Any] = {}

    def tracer(target: str, **pins: Any) -> Way:
        asked[pins["interface"]] = (target, pins["source"])
        return WAY

    event = switched(*pair)
    assert run(event, tracer) == 1

    assert asked["wwan0"] == ("203.0.113.9", "192.0.2.2")
    assert len(asked) == 2
    found = evidence_of(event)
    assert (found["old"]["path"], found["new"]["path"]) == ("fibre", "lte")
    assert found["new"]["reached"]
    assert found["new"]["hops"][0] == {"distance": 1, "address": "192.0.2.1", "rtt_ms": 0.4}


def test_the_end_of_the_switch_shows_it_too_and_keeps_its_own_evidence(pair) -> None:
    event = switched(*pair)
    end = factories.FailoverEventFactory(
        event_type=EventType.COMPLETED, policy_uid=event.policy_uid,
        generation=event.generation, evidence={"verified": True},
    )  # fmt: skip

    run(event, lambda target, **pins: WAY)

    assert evidence_of(end) == evidence_of(event)
    assert end.evidence["verified"] is True


def test_a_switch_is_traced_once(pair) -> None:
    event = switched(*pair)

    assert run(event, lambda target, **pins: WAY) == 1
    assert run(event, lambda target, **pins: WAY, after_secs=60) == 0
    assert rows().get().done_at == NOW


def test_a_worker_that_died_leaves_it_to_the_next(pair) -> None:
    event = switched(*pair)

    class Killed(BaseException):
        pass

    def dies(target: str, **pins: Any) -> Way:
        raise Killed

    with pytest.raises(Killed):
        run(event, dies)
    assert run(event, lambda target, **pins: WAY, after_secs=1) == 0, "it may still be under way"
    assert rows().get().done_at is None
    assert run(event, lambda target, **pins: WAY, after_secs=tracing.CLAIM_SECS) == 1


def test_hours_later_nobody_pretends_to_know(pair) -> None:
    event = switched(*pair)

    assert run(event, lambda target, **pins: WAY, after_secs=7200) == 0

    assert "no cluster of the probe host" in evidence_of(event)["why"]
    assert rows().get().done_at is not None


def test_what_could_not_be_traced_says_why_and_spares_the_other(pair) -> None:
    def tracer(target: str, **pins: Any) -> Way:
        if pins["interface"] == "wwan0":
            raise TraceError("The interface wwan0 can't be used (No such device).")
        return Way((Hop(1, "192.0.2.1", 0.4),), False, 16)

    event = switched(*pair)
    run(event, tracer)

    found = evidence_of(event)
    assert found["new"]["why"].startswith("The interface wwan0")
    assert found["old"]["why"] == "nobody answered beyond hop 1 of 16"
    assert found["old"]["reached"] is False


def test_a_defect_of_the_tracer_is_said_and_ends_the_row(pair) -> None:
    def tracer(target: str, **pins: Any) -> Way:
        raise ZeroDivisionError("x")

    event = switched(*pair)
    run(event, tracer)

    assert evidence_of(event)["old"]["why"] == "ZeroDivisionError: x"
    assert rows().get().done_at == NOW


def test_a_path_without_a_way_is_not_traced_over_another_line(pair) -> None:
    new = pair[1]
    type(new.uplink).objects.filter(pk=new.uplink.pk).update(probe_route="managed")
    event = switched(*pair)

    run(event, lambda target, **pins: WAY)

    assert "nobody verifies the probe route" in evidence_of(event)["new"]["why"]


def test_a_deleted_path_is_named(pair) -> None:
    old, new = pair
    event = switched(old, new)
    old.delete()

    run(event, lambda target, **pins: WAY)

    assert evidence_of(event)["old"] == {"path": "fibre", "why": "the path was deleted"}


def test_both_paths_are_traced_at_the_same_time(pair) -> None:
    both = threading.Barrier(2, timeout=20)

    def tracer(target: str, **pins: Any) -> Way:
        both.wait()  # breaks when the other never comes
        return WAY

    event = switched(*pair)
    run(event, tracer)

    assert evidence_of(event)["old"]["reached"]


@pytest.mark.parametrize("event_type", [EventType.COMPLETED, EventType.PAUSED])
def test_only_the_begin_of_a_switch_is_traced(pair, event_type: str) -> None:
    switched(*pair, event_type=event_type)
    assert not rows().exists()


def test_paths_without_targets_ask_for_nothing(pair) -> None:
    for one in pair:
        one.targets.all().delete()
    switched(*pair)
    assert not rows().exists()


def test_the_host_that_probes_the_paths_is_called_and_no_other(pair) -> None:
    event = switched(*pair)
    mine = event.to_path.uplink.vantage_id

    assert OutboxTopic.TRACE in due_topics(mine, now=NOW)
    assert due_topics(mine + 1, now=NOW) == set()
    assert tracing.trace_switches(mine + 1, now=NOW, tracer=lambda *a, **b: WAY) == 0


def test_a_probe_host_that_is_gone_is_named() -> None:
    assert trace_switches("nowhere") == "there is no probe host nowhere"


def test_the_monitor_calls_its_own_cluster_and_traces_nothing_itself(pair, monkeypatch) -> None:
    called: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        "failover.control.courier.async_task",
        lambda task, *words, q_options: called.append((task, *words, q_options["cluster"])),
    )
    vantage = switched(*pair).to_path.uplink.vantage

    Courier(vantage.pk, vantage.name).call_when_due(now=NOW, now_ns=0)

    assert called == [("failover.tasks.trace_switches", vantage.name, vantage.name)]
    assert rows().get().done_at is None
