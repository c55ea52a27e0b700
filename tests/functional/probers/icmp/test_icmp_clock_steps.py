"""The wall clock of a running process is set while its probes are under way.

libfaketime sets it for the process alone: the kernel's own stamps stay true, as
they do for packets that arrive before the step. A step of the kernel's clock
cannot be had for one process (time namespaces leave CLOCK_REALTIME alone), and
for packets that arrive after it there is ``tests/unit/.../test_rtt_clock.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import missing_layer

pytestmark = pytest.mark.root

REPOSITORY = Path(__file__).parents[4]
PROBES = 50
SCRIPT = f"""
import json, select, sys, time
from pathlib import Path
from health.probers.base import WireTarget
from health.probers.icmp import IcmpProber

offset_file, offset = Path(sys.argv[1]), sys.argv[2]
prober = IcmpProber()
lanes = [prober.prepare(WireTarget(address)) for address in ("127.0.0.3", "::1")]
began = time.monotonic_ns()
wall, mono = time.time_ns(), time.monotonic_ns()
for _ in range({PROBES} // 2):
    for lane in lanes:
        prober.send(lane, 60_000_000_000)
select.select([], [], [], 0.3)  # time.sleep() fails under libfaketime
offset_file.write_text(offset)
stepped = (time.time_ns() - wall) - (time.monotonic_ns() - mono)
replies = prober.receive()
most = time.monotonic_ns() - began
print(json.dumps([stepped / 1e9, [reply.rtt_ns for reply in replies], most, dict(prober.rejected)]))
"""


@pytest.mark.parametrize("offset_secs", [-3600, -30, 30, 3600])
def test_a_wall_clock_set_while_probes_are_under_way_does_not_show_in_their_times(
    own_net, tmp_path, offset_secs
):
    if shutil.which("faketime") is None:
        missing_layer("needs libfaketime: apt-get install faketime")
    library = subprocess.run(
        ["faketime", "now", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    offset_file = tmp_path / "offset"
    offset_file.write_text("+0")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(offset_file), f"{offset_secs:+d}"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
        env={
            **os.environ,
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(offset_file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    stepped_secs, rtts, most_ns, rejected = json.loads(done.stdout)
    assert stepped_secs == pytest.approx(offset_secs, abs=1)
    assert len(rtts) == PROBES
    assert all(0 <= rtt < most_ns for rtt in rtts)
    # Exact, not merely bounded: they had waited 0.3 s to be read.
    assert sorted(rtts)[PROBES // 2] < most_ns - 300_000_000
    assert rejected == {}
