"""What a reflector is told to do: cycles over time, and errors that name the field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from health.probers.reflector_config import (
    Impairment,
    Listener,
    Phase,
    ReflectorConfigError,
    load_listeners,
    parse_listeners,
)

SECOND = 1_000_000_000
SINGLE = Listener("127.0.0.1", 18620, Impairment(delay_ms=7))


def test_the_full_form_describes_every_listener() -> None:
    data = {
        "listeners": [
            {
                "host": "127.0.0.1", "port": 18620, "delay_ms": 12, "jitter_ms": 2, "loss_pct": 0,
                "cycle": [{"secs": 110, "loss_pct": 0}, {"secs": 120, "loss_pct": 45}],
            },
            {"host": "::1", "port": 0},
        ]
    }  # fmt: skip
    first, second = parse_listeners(data, SINGLE)
    assert first == Listener(
        "127.0.0.1",
        18620,
        Impairment(12, 2, 0),
        (Phase(110, loss_pct=0), Phase(120, loss_pct=45)),
    )
    assert second == Listener("::1", 0)


def test_a_listener_without_host_and_port_has_the_defaults() -> None:
    assert parse_listeners({"listeners": [{}]}, SINGLE) == (Listener("127.0.0.1", 862),)


def test_the_short_form_applies_its_cycle_to_the_listener_of_the_command_line() -> None:
    (listener,) = parse_listeners({"cycle": [{"secs": 5, "loss_pct": 50}]}, SINGLE)
    assert (listener.host, listener.port) == ("127.0.0.1", 18620)
    assert listener.impairment_at(0) == Impairment(delay_ms=7, loss_pct=50)


def test_without_a_cycle_the_impairment_never_changes() -> None:
    assert SINGLE.impairment_at(10**18) == Impairment(delay_ms=7)


def test_the_cycle_repeats_for_ever_and_unset_values_stay() -> None:
    listener = Listener(
        impairment=Impairment(delay_ms=10, jitter_ms=1),
        cycle=(Phase(110), Phase(120, loss_pct=45), Phase(70, delay_ms=30)),
    )
    expected = {
        0: Impairment(10, 1, 0),
        109.999: Impairment(10, 1, 0),
        110: Impairment(10, 1, 45),
        229.999: Impairment(10, 1, 45),
        230: Impairment(30, 1, 0),
        299.999: Impairment(30, 1, 0),
        300: Impairment(10, 1, 0),
        300 * 1000 + 115: Impairment(10, 1, 45),
    }
    got = {at: listener.impairment_at(int(at * SECOND)) for at in expected}
    assert got == expected


def test_each_direction_loses_packets_of_its_own() -> None:
    (listener,) = parse_listeners(
        {"listeners": [{"loss_pct": 1, "cycle": [{"secs": 5, "loss_back_pct": 50}]}]}, SINGLE
    )
    assert listener.impairment_at(0) == Impairment(loss_pct=1, loss_back_pct=50)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "file: .* is not an object"),
        ({}, 'exactly one of "listeners" and "cycle"'),
        ({"cycle": [{"secs": 1}], "listeners": [{}]}, "exactly one"),
        ({"listner": []}, "unknown field 'listner'; known are cycle, listeners"),
        ({"listeners": []}, "listeners: .* at least one entry"),
        ({"listeners": [5]}, r"listeners\[0\]: 5 is not an object"),
        ({"listeners": [{"prt": 5}]}, r"listeners\[0\]: unknown field 'prt'"),
        ({"listeners": [{"host": ""}]}, r"listeners\[0\]\.host: '' is not an address"),
        ({"listeners": [{"port": 70000}]}, r"listeners\[0\]\.port: 70000 is not a port"),
        ({"listeners": [{"port": True}]}, r"listeners\[0\]\.port: True is not a port"),
        ({"listeners": [{"loss_pct": 101}]}, r"listeners\[0\]\.loss_pct: 101 .* 0 to 100"),
        ({"listeners": [{"loss_back_pct": -1}]}, r"listeners\[0\]\.loss_back_pct: -1 "),
        ({"cycle": [{"secs": 1, "loss_back_pct": 101}]}, r"cycle\[0\]\.loss_back_pct: 101"),
        ({"listeners": [{"delay_ms": -1}]}, r"listeners\[0\]\.delay_ms: -1 "),
        ({"listeners": [{"jitter_ms": "2"}]}, r"listeners\[0\]\.jitter_ms: '2' "),
        ({"cycle": []}, "cycle: .* at least one entry"),
        ({"cycle": [{}]}, r"cycle\[0\]\.secs: missing"),
        ({"cycle": [{"secs": 0}]}, r"cycle\[0\]\.secs: 0.0 is too short"),
        ({"cycle": [{"secs": 1}, {"secs": 1, "loss_pct": 200}]}, r"cycle\[1\]\.loss_pct: 200"),
        ({"cycle": [{"secs": float("nan")}]}, r"cycle\[0\]\.secs: nan is not a number"),
    ],
)
def test_nonsense_is_refused_with_field_and_value(data: object, message: str) -> None:
    with pytest.raises(ReflectorConfigError, match=message):
        parse_listeners(data, SINGLE)


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cycle.json"
    file.write_text(json.dumps({"cycle": [{"secs": 1}]}))
    (listener,) = load_listeners(file, SINGLE)
    assert listener.cycle == (Phase(1),)


def test_broken_json_is_refused_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "cycle.json"
    file.write_text('{"cycle":\n  [oops]}')
    with pytest.raises(ReflectorConfigError, match=r"cycle.json, line 2, column 4: not JSON"):
        load_listeners(file, SINGLE)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReflectorConfigError, match=r"cannot read .*nowhere\.json"):
        load_listeners(tmp_path / "nowhere.json", SINGLE)
