"""How well the lab does what it is told: ``python -m bench lab_accuracy``.

Delay, jitter and loss as a millisecond stream sees them, against what was set; loss against
the kernel's counters as well. What the lab can't do finer than this, no figure measured
in it can claim.
"""

from __future__ import annotations

import statistics
import time

from bench.report import Figure, median_figure, report
from tests.lab.stream import Recording, Stream
from tests.lab.two_providers import TwoProviders

SECS = 5.0
DELAYS_MS = (1.0, 20.0, 100.0)
JITTER_MS = 20.0
LOSSES_PCT = (1.0, 5.0, 30.0)


def main() -> None:
    """Measure and report."""
    with TwoProviders() as net:
        figures = _clean(net)
        for delay_ms in DELAYS_MS:
            figures += _delay(net, delay_ms)
        figures += _jitter(net)
        for loss_pct in LOSSES_PCT:
            figures += _loss(net, loss_pct)
        late_ms = max(
            net.counts(number, way)["late_ns"] for number in (1, 2) for way in ("up", "down")
        )  # fmt: skip
        figures.append(median_figure("the lines' own lateness, worst", [late_ms / 1e6], "ms"))
    report("lab_accuracy", figures)


def _stream(net: TwoProviders, interval_us: int = 1000) -> Recording:
    with Stream(net, interval_us=interval_us) as stream:
        time.sleep(SECS)
        return stream.stop()


def _ways_ms(recording: Recording) -> list[float]:
    """How long each datagram took from the LAN to head office."""
    return [
        (packet.arrived_ns - packet.sent_ns) / 1e6
        for packet in recording.packets
        if packet.arrived_ns is not None
    ]


def _clean(net: TwoProviders) -> list[Figure]:
    recording = _stream(net)
    ways = _ways_ms(recording)
    gaps = [
        (later.sent_ns - earlier.sent_ns) / 1e6
        for earlier, later in zip(recording.packets, recording.packets[1:], strict=False)
    ]
    return [
        median_figure("clean line, one way: median", ways, "ms"),
        median_figure("between two datagrams of the stream: 99 %", [_share(gaps, 0.99)], "ms"),
        median_figure("  longest: the stream's resolution", [recording.resolution_ns / 1e6], "ms"),
    ]


def _delay(net: TwoProviders, delay_ms: float) -> list[Figure]:
    net.impair(1, "up", delay_ms=delay_ms)
    off = [way - delay_ms for way in _ways_ms(_stream(net))]
    net.impair(1)
    return [
        median_figure(f"{delay_ms:g} ms set, one way: median error", off, "ms"),
        median_figure("  99 % of errors below", [_share(off, 0.99)], "ms"),
    ]


def _jitter(net: TwoProviders) -> list[Figure]:
    """Datagrams further apart than the jitter, so that their order changes nothing."""
    net.impair(1, "up", delay_ms=2 * JITTER_MS, jitter_ms=JITTER_MS)
    ways = _ways_ms(_stream(net, interval_us=int(2.5 * JITTER_MS * 1000)))
    net.impair(1)
    wanted = JITTER_MS / 3**0.5
    return [
        Figure(
            f"± {JITTER_MS:g} ms set: standard deviation", statistics.pstdev(ways), "ms", len(ways),
            f"near {wanted:.2f}",
        ),
    ]  # fmt: skip


def _loss(net: TwoProviders, loss_pct: float) -> list[Figure]:
    net.impair(1, "up", loss_pct=loss_pct)
    before = _kernel_loss(net), net.counts(1, "up")["lost"]
    recording = _stream(net)
    kernel, own = _kernel_loss(net) - before[0], net.counts(1, "up")["lost"] - before[1]
    net.impair(1)
    seen = sum(packet.arrived_ns is None for packet in recording.packets)
    return [
        Figure(
            f"{loss_pct:g} % loss set: measured", 100 * seen / len(recording.packets), "%",
            len(recording.packets),
        ),
        Figure("  lost by the stream - by the kernel's counters", seen - kernel, "", 1, "0"),
        Figure("  lost by the stream - by the line's counters", seen - own, "", 1, "0"),
    ]  # fmt: skip


def _kernel_loss(net: TwoProviders) -> int:
    return net.datagrams(net.lan, "OutDatagrams") - net.datagrams(net.hq, "InDatagrams")


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


if __name__ == "__main__":
    main()
