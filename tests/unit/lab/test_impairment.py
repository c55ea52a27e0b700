"""One direction of a line of the lab: what it does to packets is what it was told to do."""

from __future__ import annotations

import statistics

import pytest

from tests.lab.impairment import Impairment, Lane, is_echo

UDP = bytes([0x45]) + bytes(8) + bytes([17]) + bytes(18)
ECHO = bytes([0x45]) + bytes(8) + bytes([1]) + bytes(10) + bytes([8]) + bytes(7)
ECHO6 = bytes([0x60]) + bytes(5) + bytes([58]) + bytes(33) + bytes([128]) + bytes(7)
PACKETS = 20_000


def lane(**settings: float | bool) -> Lane:
    made = Lane("seed")
    made.impairment = Impairment(**settings)
    return made


def fates(of: Lane, packet: bytes = UDP, spacing: float = 0.01) -> list[float | None]:
    """The delay of each packet in seconds; None when it never came out."""
    moments = [number * spacing for number in range(PACKETS)]
    released = [of.fate(packet, now) for now in moments]
    return [None if out is None else out - now for now, out in zip(moments, released, strict=True)]


def test_a_clean_line_lets_everything_through_at_once() -> None:
    assert set(fates(lane())) == {0.0}


def test_a_delay_is_the_same_for_every_packet() -> None:
    delays = fates(lane(delay_ms=20))
    assert max(abs(delay - 0.02) for delay in delays if delay is not None) < 1e-9
    assert None not in delays


def test_jitter_is_uniform_around_the_delay() -> None:
    delays = [delay for delay in fates(lane(delay_ms=50, jitter_ms=20), spacing=0.1) if delay]
    assert min(delays) >= 0.03
    assert max(delays) <= 0.07
    assert statistics.mean(delays) == pytest.approx(0.05, abs=0.001)
    assert statistics.pstdev(delays) == pytest.approx(0.02 / 3**0.5, rel=0.03)


def test_packets_keep_their_order_under_jitter() -> None:
    of = lane(delay_ms=50, jitter_ms=50)
    released = [of.fate(UDP, number / 1000) for number in range(1000)]
    assert released == sorted(out for out in released if out is not None)


def test_a_delay_is_never_negative() -> None:
    assert min(delay for delay in fates(lane(jitter_ms=20)) if delay is not None) >= 0


def test_loss_is_the_share_that_was_set() -> None:
    of = lane(loss_pct=20)
    lost = fates(of).count(None)
    assert lost == of.counts["lost"] == PACKETS - of.counts["passed"]
    assert lost / PACKETS == pytest.approx(0.2, abs=0.01)


def test_bursts_have_the_length_and_the_share_of_a_gilbert_elliott_channel() -> None:
    of = lane(burst_start_pct=2, burst_end_pct=20)
    text = "".join("x" if delay is None else "." for delay in fates(of))
    bursts = [len(run) for run in text.split(".") if run]
    assert of.impairment.mean_loss_pct == pytest.approx(100 * 2 / 22)
    assert text.count("x") / PACKETS == pytest.approx(2 / 22, abs=0.015)
    assert statistics.mean(bursts) == pytest.approx(5, rel=0.15)


def test_a_blackhole_lets_nothing_through_and_counts_it_apart_from_loss() -> None:
    of = lane(blackhole=True)
    assert set(fates(of)) == {None}
    assert of.counts == {"silenced": PACKETS}


@pytest.mark.parametrize("echo", [ECHO, ECHO6])
def test_policing_touches_echoes_alone(echo: bytes) -> None:
    of = lane(echo_per_sec=5)
    answered = sum(delay is not None for delay in fates(of, echo))
    assert answered == pytest.approx(5 * PACKETS * 0.01, rel=0.01)
    assert None not in fates(of, UDP)


def test_the_same_seed_gives_the_same_fates() -> None:
    assert fates(lane(loss_pct=30)) == fates(lane(loss_pct=30))


def test_echoes_are_told_from_other_packets() -> None:
    assert [is_echo(packet) for packet in (ECHO, ECHO6, UDP)] == [True, True, False]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"delay_ms": -1.0}, "delay_ms is -1.0; it can't be below 0"),
        ({"loss_pct": 101.0}, "loss_pct is 101.0; a share is at most 100 percent"),
    ],
)
def test_an_impossible_setting_is_refused_by_name(
    settings: dict[str, float], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Impairment(**settings)


def test_the_mean_loss_counts_both_kinds_of_loss() -> None:
    both = Impairment(loss_pct=10, burst_start_pct=5, burst_end_pct=5)
    assert both.mean_loss_pct == pytest.approx(100 - 90 * 0.5)
    assert Impairment(blackhole=True).mean_loss_pct == 100
