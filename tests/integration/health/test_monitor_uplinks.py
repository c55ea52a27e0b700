"""The monitor with the real keeper of uplinks, on loopback: states, figures, paths."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path as FilePath

import pytest
from django.db import connection

from health.domain.status import Reason
from health.engine.observers import RecordingObserver
from health.models import CurrentUplink, MonitorLease, Path
from health.monitoring.monitor import run_monitor
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
def running(
    reflector_port: int, tmp_path: FilePath, settings: object
) -> Iterator[tuple[Path, Path, RecordingObserver]]:
    """A path over loopback, one over an interface that does not exist, and their monitor."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined] # pytest-django's fixture
    vantage, profile = (
        VantageFactory(name="here"),
        ProbeProfileFactory(interval_ms=50, timeout_ms=200),
    )
    made = []
    for interface in ("lo", "absent0"):
        uplink = UplinkFactory(vantage=vantage, interface=interface, probe_route="none")
        path = PathFactory(kind="stamp", uplink=uplink, probe_profile=profile)
        PathTargetFactory(path=path, address="127.0.0.1", port=reflector_port)
        made.append(path)
    observer, over = RecordingObserver(), threading.Event()

    def run() -> None:
        try:
            run_monitor("here", should_stop=over.is_set, make_observers=lambda context: [observer])
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield made[0], made[1], observer
    over.set()
    thread.join(20)
    assert not thread.is_alive()


def test_uplinks_are_followed_and_reach_paths_rows_and_figures(
    running: tuple[Path, Path, RecordingObserver],
) -> None:
    over_loopback, over_nothing, observer = running

    def latest(path: Path) -> object:
        return observer.rounds[-1].readings.get(path.pk) if observer.rounds else None

    until(lambda: getattr(latest(over_loopback), "reachable", None) is True)
    until(lambda: getattr(latest(over_nothing), "reason", None) is Reason.LINK_DOWN)
    # The keeper's sentence, not an error number.
    assert "absent0" in latest(over_nothing).detail  # type: ignore[attr-defined] # a reading
    until(lambda: CurrentUplink.objects.count() == 2)
    rows = {row.uplink.interface: row for row in CurrentUplink.objects.select_related("uplink")}
    assert rows["lo"].link == "up"
    assert rows["absent0"].link == "down"
    until(lambda: MonitorLease.objects.get().figures.get("ring"))
    figures = MonitorLease.objects.get().figures
    assert figures["ring"]["dropped_samples"] == 0
    assert "stamp" in figures["rejected"]
