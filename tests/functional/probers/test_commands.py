"""``manage.py probe`` and ``manage.py reflector`` as an operator uses them."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

REPOSITORY = Path(__file__).parents[3]


def probe(*words: str) -> tuple[int, str]:
    """Exit status and output of ``manage.py probe``."""
    out = io.StringIO()
    try:
        call_command("probe", *words, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def start(tmp_path):
    """Starts ``manage.py reflector`` and returns the process once it listens."""
    started = []

    def run(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "reflector", *words],
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PATHWARDEN_DATA_DIR": str(tmp_path)},
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def first_lines(process, count: int = 1) -> list[str]:
    """What the reflector says once it listens; it says all of it at once."""
    readable, _, _ = select.select([process.stdout], [], [], 30)
    assert readable, "the reflector said nothing"
    return [process.stdout.readline() for _ in range(count)]


def test_an_echo_probe_prints_each_answer_and_the_summary(icmp):
    status, text = probe("127.0.0.1", "-c", "3", "--interval", "0.01")
    assert status == 0
    assert len(re.findall(r"^\d: 127\.0\.0\.1 \d+\.\d{3} ms$", text, re.MULTILINE)) == 3
    assert "3 sent, 3 received, 0.0 % loss" in text
    assert re.search(r"latency min/avg/max .* ms, jitter \d+\.\d{3} ms", text)


def test_a_literal_address_needs_no_database(icmp, django_db_blocker):
    with django_db_blocker.block():
        assert probe("127.0.0.1", "-c", "1")[0] == 0


def test_ctrl_c_sums_up_what_was_measured_until_then(icmp, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "probe", "127.0.0.1", "-c", "1000", "--interval", "0.01"],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PATHWARDEN_DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert first_lines(process)[0].startswith("1: 127.0.0.1 ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert re.search(r"^--- 127\.0\.0\.1: \d+ sent, \d+ received, ", out, re.MULTILINE)


def test_a_name_is_resolved(icmp, db):
    status, text = probe("localhost", "-c", "1")
    assert status == 0
    assert "1: 127.0.0.1 " in text


@pytest.mark.parametrize(
    ("address", "kind"),
    [("224.0.0.1", "multicast"), ("0.0.0.0", "placeholder"), ("169.254.169.254", "metadata")],
)
def test_what_is_no_host_is_refused_as_for_a_path(address, kind):
    with pytest.raises(CommandError, match=f"'{address}' is .* {kind}.* it is not probed") as said:
        probe(address, "-c", "1")
    assert said.value.returncode == 2


def test_a_stamp_probe_measures_the_delay_of_a_reflector(reflect):
    _, port = reflect(delay_ms=20).addresses[0]
    status, text = probe(
        "127.0.0.1", "--kind", "stamp", "--port", str(port), "-c", "2", "--interval", "0.01",
        "--json",
    )  # fmt: skip
    result = json.loads(text)
    assert status == 0
    assert (result["kind"], result["port"]) == ("stamp", port)
    assert (result["sent"], result["received"], result["packet_loss_pct"]) == (2, 2, 0)
    assert 19 <= result["min_ms"] <= result["avg_ms"] <= result["max_ms"] < 1000
    assert [p["outcome"] for p in result["probes"]] == ["answered", "answered"]


def test_an_unreachable_target_ends_with_status_1_and_the_reason(far_port):
    status, text = probe(
        "127.0.0.1", "--kind", "stamp", "--port", far_port, "-c", "2", "--interval", "0.01"
    )
    assert status == 1
    assert "refused: Destination port unreachable from 127.0.0.1" in text
    assert "2 sent, 0 received, 100.0 % loss" in text
    assert "latency" not in text


def test_silence_ends_with_status_1_after_the_timeout():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        status, text = probe(
            "127.0.0.1", "--kind", "stamp", "--port", str(silent.getsockname()[1]),
            "-c", "1", "--timeout", "0.05",
        )  # fmt: skip
    assert status == 1
    assert "lost: no answer within 0.05 s" in text


@pytest.fixture
def far_port() -> str:
    """A UDP port of this host that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        return str(placeholder.getsockname()[1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["127.0.0.1", "--port", "7"], "--port 7: probes of kind icmp have no port"),
        (["no such name"], "'no such name' has no address"),
        (["127.0.0.1", "-c", "0"], "'0' is not a whole number"),
        (["127.0.0.1", "--interval", "nan"], "'nan' is not a number of seconds"),
        (["127.0.0.1", "--kind", "stamp", "--port", "70000"], "'70000' is not a port"),
        (["127.0.0.1", "--kind", "carrier-pigeon"], "carrier-pigeon"),
        (["127.0.0.1", "--dscp", "64"], "'64' is not a traffic class (0-63)"),
        (["127.0.0.1", "--fwmark", "-1"], "'-1' is not a firewall mark"),
        (["127.0.0.1", "--request", "x"], "--request: This kind of probe asks nothing"),
        (["127.0.0.1", "--kind", "http", "--expect-status", "99"], "'99' is not an HTTP status"),
        (["127.0.0.1", "--path", "--kind", "icmp"], "--kind: a path has its own"),
    ],
)
def test_wrong_usage_is_status_2_and_names_the_value(words, message, db):
    with pytest.raises(CommandError, match=re.escape(message)) as refusal:
        probe(*words)
    # Raised by the argument parser it has no status of its own; that one always exits with 2.
    assert refusal.value.returncode == 2 or "Error: argument" in str(refusal.value)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_reflector_says_where_it_listens_and_stops_cleanly_on_a_signal(start, how):
    process = start("--port", "0", "--delay-ms", "2")
    (line,) = first_lines(process)
    port = re.fullmatch(r"reflecting on 127\.0\.0\.1 port (\d+) with delay 2 ms\n", line)
    assert port, line
    status, text = probe("127.0.0.1", "--kind", "stamp", "--port", port[1], "-c", "1")
    assert status == 0, text
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out == "stopped: 1 answered, 0 dropped\n"


def test_a_cycle_file_may_describe_several_listeners(start, tmp_path):
    file = tmp_path / "cycle.json"
    cycle = [{"secs": 1, "loss_pct": 0}, {"secs": 1, "loss_pct": 50}]
    file.write_text(json.dumps({"listeners": [{"port": 0}, {"port": 0, "cycle": cycle}]}))
    process = start("--cycle", str(file))
    plain, cycling = first_lines(process, 2)
    assert re.fullmatch(r"reflecting on 127\.0\.0\.1 port \d+\n", plain)
    assert cycling.endswith(" with a cycle of 2 phases\n")


def test_a_busy_port_is_an_error_with_the_cure(reflect):
    _, port = reflect().addresses[0]
    with pytest.raises(CommandError, match=f"port {port} is in use: .* another port") as refusal:
        call_command("reflector", "--port", str(port))
    assert refusal.value.returncode == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--loss-pct", "101"], "loss_pct: 101.0 is not a number from 0 to 100"),
        (["--loss-back-pct", "-1"], "loss_back_pct: -1.0 is not a number from 0 to 100"),
        (["--max-pps-per-source", "-1"], "max_pps_per_source: -1 is not a whole number"),
        (["--port", "70000"], "port: 70000 is not a port"),
        (["--cycle", "/nonexistent/cycle.json"], "cannot read /nonexistent/cycle.json"),
    ],
)
def test_a_setting_of_the_reflector_that_makes_no_sense_is_named(words, message):
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("reflector", *words)
