"""The profiles that every installation has. Operators may copy them; they can't be deleted."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# name, use, interval, burst, hold, timeout (ms), window (s), bad seconds
PROBE_PROFILES = (
    ("realtime", "Voice, trading", 200, 50, 500, 1000, 60, 8),
    ("balanced", "Most links", 500, 50, 500, 1000, 60, 8),
    ("frugal", "Many paths", 1000, 50, 500, 1000, 60, 8),
    ("cellular", "LTE and 5G: bursty by nature", 1000, 100, 2000, 2000, 60, 10),
    ("leo", "LEO satellite: bursty by nature", 1000, 100, 2000, 2000, 60, 10),
    ("geo", "GEO satellite", 1000, 200, 3000, 3000, 60, 8),
    ("metered", "Lines paid by the byte", 10_000, 200, 2000, 2000, 600, 8),
    ("fast", "LAN and metro only: an RTT above 200 ms is dead there", 50, 10, 200, 500, 60, 8),
)
# name, use, latency (ms), loss (%), jitter (ms)
SLA_PROFILES = (
    ("terrestrial", "Within a continent", 100, 2, 10),
    ("intercontinental", "Across an ocean", 300, 2, 15),
    ("lte", "LTE and 5G", 150, 3, 40),
    ("leo", "LEO satellite", 150, 3, 30),
    ("geo", "GEO satellite", 800, 3, 60),
    ("voice", "Voice and video calls", 150, 1, 20),
)


def add_profiles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    probe_profile = apps.get_model("health", "ProbeProfile")
    for name, use, interval, burst, hold, timeout, window, bad_seconds in PROBE_PROFILES:
        probe_profile.objects.create(
            name=name,
            use=use,
            interval_ms=interval,
            burst_ms=burst,
            hold_ms=hold,
            timeout_ms=timeout,
            window_secs=window,
            bad_seconds=bad_seconds,
            built_in=True,
        )
    sla_profile = apps.get_model("health", "SlaProfile")
    for name, use, latency, loss, jitter in SLA_PROFILES:
        sla_profile.objects.create(
            name=name,
            use=use,
            latency_ms=latency,
            packet_loss_pct=loss,
            jitter_ms=jitter,
            built_in=True,
        )


class Migration(migrations.Migration):
    dependencies = [("health", "0001_initial")]

    operations = [migrations.RunPython(add_profiles, migrations.RunPython.noop)]
