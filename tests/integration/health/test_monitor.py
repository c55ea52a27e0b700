"""The whole loop in one process on real packets: lease, engine, writer, hand-over."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath

import pytest
from django.db import connection

from health.engine.observers import RecordingObserver, Round
from health.models import (
    CurrentHealth,
    HealthSample,
    MonitorLease,
    Path,
    StatusChange,
    Vantage,
)
from health.monitoring import lease as leases
from health.monitoring import monitor as module
from health.monitoring.lease import LeaseHeld
from health.monitoring.monitor import LoopContext, run_monitor
from health.monitoring.process_identity import current_process
from health.probers import PROBERS
from health.probers.base import ProberPermissionError
from tests.factories import (
    PathFactory,
    PathTargetFactory,
    ProbeProfileFactory,
    UplinkFactory,
    VantageFactory,
)
from tests.integration.health.patience import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def path(reflector_port: int) -> Path:
    """A path of twenty probes a second, warm within a second."""
    made: Path = PathFactory(
        kind="stamp",
        uplink=UplinkFactory(vantage=VantageFactory(name="here"), interface=""),
        probe_profile=ProbeProfileFactory(interval_ms=50, timeout_ms=200),
    )
    PathTargetFactory(path=made, address="127.0.0.1", port=reflector_port)
    return made


@pytest.fixture(autouse=True)
def data_dir(tmp_path: FilePath, settings: object) -> FilePath:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined] # pytest-django's fixture
    return tmp_path


class Loop:
    """A monitor in a thread of its own."""

    def __init__(self, **options: object) -> None:
        self.observer = RecordingObserver()
        self.context: LoopContext | None = None
        self.ended: list[str | BaseException] = []
        self._over = threading.Event()
        self._options = {"make_observers": self._observers} | options
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _observers(self, context: LoopContext) -> list[RecordingObserver]:
        self.context = context
        return [self.observer]

    def _run(self) -> None:
        try:
            self.ended.append(
                run_monitor("here", should_stop=self._over.is_set, **self._options)  # type: ignore[arg-type] # checked by the tests
            )
        except BaseException as error:
            self.ended.append(error)
        finally:
            connection.close()

    def stop(self) -> None:
        self._over.set()
        self.join()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[..., Loop]]:
    loops: list[Loop] = []

    def start_one(**options: object) -> Loop:
        loops.append(Loop(**options))
        return loops[-1]

    yield start_one
    for loop in loops:
        loop.stop()


def current() -> CurrentHealth | None:
    return CurrentHealth.objects.first()


def is_up() -> bool:
    row = current()
    return row is not None and row.status == "up"


def test_measurements_appear_and_stopping_leaves_everything_in_order(
    path: Path, start: Callable[..., Loop], data_dir: FilePath
) -> None:
    loop = start()
    until(is_up)
    row = current()
    assert row is not None
    assert row.latency_ms is not None
    assert row.latency_ms > 0  # no bound above: a busy machine makes any answer late
    assert (row.packet_loss_pct, row.reachable, row.lease_epoch) == (0, True, 1)
    until(lambda: MonitorLease.objects.get().probes_per_sec > 5)
    assert MonitorLease.objects.get().paths == 1
    loop.stop()
    assert loop.ended == ["told to stop"]
    assert loop.observer.closed
    lease = MonitorLease.objects.get()
    assert (lease.holder, lease.epoch) == ("", 1)
    assert (data_dir / "handover-here.json").exists()
    assert sum(HealthSample.objects.values_list("sent", flat=True)) >= 20
    assert {change.new_status for change in StatusChange.objects.all()} == {"up"}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which somebody listens and never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


def test_an_edit_takes_effect_while_the_loop_runs(
    path: Path, start: Callable[..., Loop], reflector_port: int, silent_port: int
) -> None:
    start()
    until(is_up)
    target = path.targets.get()
    target.port = silent_port
    target.save()
    until(lambda: CurrentHealth.objects.filter(status="down", reachable=False).exists())
    row = current()
    assert row is not None
    assert (row.health_score, row.latency_ms, row.packet_loss_pct) == (0, None, 100)
    target.port = reflector_port
    target.save()
    until(is_up)
    path.enabled = False
    path.save()
    until(lambda: MonitorLease.objects.get().paths == 0)


def test_a_second_loop_is_refused_and_told_who_runs(path: Path, start: Callable[..., Loop]) -> None:
    start()
    until(lambda: MonitorLease.objects.filter(epoch=1).exists())
    with pytest.raises(LeaseHeld, match=f"process {current_process().pid} on .*epoch 1"):
        run_monitor("here", should_stop=lambda: True)


def test_an_unknown_vantage_is_refused() -> None:
    with pytest.raises(Vantage.DoesNotExist):
        run_monitor("nowhere", should_stop=lambda: True)


def test_a_successor_goes_on_without_warming_up_and_without_a_change(
    path: Path, start: Callable[..., Loop]
) -> None:
    first = start()
    until(is_up)
    first.stop()
    changes = StatusChange.objects.count()
    second = start()
    until(lambda: second.observer.rounds)
    until(lambda: CurrentHealth.objects.filter(lease_epoch=2).exists())
    row = current()
    assert row is not None
    assert row.status == "up"
    assert StatusChange.objects.count() == changes
    assert row.probes_total >= row.sent > 10


def test_a_loop_that_is_asked_hands_over_and_its_successor_may_begin(
    path: Path, start: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY_SECS", 0.05)
    called = threading.Event()
    loop = start(max_secs=0.1, call_successor=called.set)
    assert called.wait(10)
    assert loop.ended == []  # it goes on until the successor asks
    assert leases.request_handover(Vantage.objects.get(), me=current_process())
    loop.join()
    assert loop.ended == ["handed over to a successor"]
    assert MonitorLease.objects.get().holder == ""


def test_a_successor_that_can_not_be_called_leaves_the_loop_running(
    path: Path, start: Callable[..., Loop]
) -> None:
    called = threading.Event()

    def fail() -> None:
        called.set()
        raise RuntimeError("the queue is away")

    loop = start(max_secs=0.0, call_successor=fail)
    assert called.wait(10)
    until(is_up)
    assert loop.ended == []


def test_a_loop_whose_lease_was_taken_ends_and_leaves_the_lease_alone(
    path: Path, start: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_EVERY_SECS", 0.05)
    loop = start()
    until(lambda: MonitorLease.objects.filter(epoch=1).exists())
    MonitorLease.objects.update(holder="somebody else", epoch=2)
    loop.join()
    assert loop.ended == ["the lease went to another process"]
    assert loop.context is not None
    assert not loop.context.may_act()
    assert MonitorLease.objects.get().holder == "somebody else"


def test_an_observer_that_can_not_close_does_not_keep_the_lease(
    path: Path, start: Callable[..., Loop]
) -> None:
    class Stuck(RecordingObserver):
        def close(self) -> None:
            raise RuntimeError("a defect")

    loop = start(make_observers=lambda context: [Stuck()])
    until(is_up)
    loop.stop()
    assert loop.ended == ["told to stop"]
    assert MonitorLease.objects.get().holder == ""
    assert "lease" not in {thread.name for thread in threading.enumerate()}


def test_a_defect_of_the_engine_gives_the_lease_back(
    path: Path, start: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(engine: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(module.ProbeEngine, "turn", broken)
    loop = start()
    loop.join()
    assert isinstance(loop.ended[0], ZeroDivisionError)
    assert MonitorLease.objects.get().holder == ""


def test_a_defect_at_the_start_gives_the_lease_back_too(path: Path) -> None:
    def broken(context: LoopContext) -> list[RecordingObserver]:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError):
        run_monitor("here", should_stop=lambda: True, make_observers=broken)
    assert MonitorLease.objects.get().holder == ""


def test_a_kind_that_does_not_work_here_does_not_stop_the_others(
    path: Path, start: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ProberPermissionError("grant CAP_NET_RAW")

    monkeypatch.setitem(PROBERS, "icmp", PROBERS["icmp"]._replace(make=refuse))
    pinged = PathFactory(uplink=path.uplink, probe_profile=path.probe_profile)
    PathTargetFactory(path=pinged, address="127.0.0.1")
    start()
    until(lambda: CurrentHealth.objects.filter(path=path, status="up").exists())
    row = CurrentHealth.objects.get(path=pinged)
    assert (row.status, row.reason, row.detail) == ("unknown", "permission", "grant CAP_NET_RAW")


def test_rounds_reach_every_observer(path: Path, start: Callable[..., Loop]) -> None:
    loop = start()
    until(lambda: len(loop.observer.rounds) >= 3)
    assert all(isinstance(round_, Round) for round_ in loop.observer.rounds)
    assert loop.context is not None
    assert loop.context.vantage_name == "here"
    assert loop.context.may_act()
