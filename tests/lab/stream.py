"""Traffic of a user: a datagram each millisecond from the LAN to head office and back.

What a switch costs is what this traffic misses. The sender paces itself; how well it did is
``Recording.resolution_ns``, and no outage can be measured finer than that. Nothing here knows
the product.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.lab.addresses import HEAD_OFFICE
from tests.lab.two_providers import TwoProviders

PORT = 7_007
_ENDS = Path(__file__).with_name("stream_ends.py")


class Packet(NamedTuple):
    """One datagram; times in ns of CLOCK_MONOTONIC, None: it never came."""

    sent_ns: int
    arrived_ns: int | None
    provider: int | None
    answered_ns: int | None


class Outage(NamedTuple):
    """Datagrams that were missed in a row: from the first of them to the next that came.

    ``until_ns`` is when that next one was sent; None: none came before the end.
    """

    since_ns: int
    until_ns: int | None
    lost: int
    provider_before: int | None
    provider_after: int | None

    @property
    def secs(self) -> float:
        """How long; infinite when it has no end."""
        return float("inf") if self.until_ns is None else (self.until_ns - self.since_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Recording:
    """All datagrams of a stream in the order of sending."""

    packets: tuple[Packet, ...]

    @property
    def resolution_ns(self) -> int:
        """The longest time between two datagrams: nothing shorter can be seen."""
        sent = [packet.sent_ns for packet in self.packets]
        return max((later - earlier for earlier, later in pairwise(sent)), default=0)

    def outages(self, *, answers: bool = False, at_least: int = 1) -> list[Outage]:
        """Rows of at least so many missed datagrams, or answers, the first row first."""
        return [row for row in self._rows(answers) if row.lost >= at_least]

    def _rows(self, answers: bool) -> Iterable[Outage]:
        missed: list[Packet] = []
        before: int | None = None
        for packet in self.packets:
            if (packet.answered_ns if answers else packet.arrived_ns) is None:
                missed.append(packet)
                continue
            if missed:
                yield Outage(
                    missed[0].sent_ns, packet.sent_ns, len(missed), before, packet.provider
                )
                missed = []
            before = packet.provider
        if missed:
            yield Outage(missed[0].sent_ns, None, len(missed), before, None)

    def after(self, moment_ns: int) -> Recording:
        """The datagrams that were sent at ``moment_ns`` or later."""
        return Recording(tuple(p for p in self.packets if p.sent_ns >= moment_ns))

    def moves(self) -> list[tuple[int, int]]:
        """Each change of provider: when its first datagram was sent, and the provider."""
        found: list[tuple[int, int]] = []
        last: int | None = None
        for packet in self.packets:
            if packet.provider is not None and packet.provider != last:
                if last is not None:
                    found.append((packet.sent_ns, packet.provider))
                last = packet.provider
        return found


class Stream:
    """Runs from the beginning to ``stop()``, which returns the recording; a context manager."""

    def __init__(
        self, net: TwoProviders, *, interval_us: int = 1000, to: str = HEAD_OFFICE, port: int = PORT
    ) -> None:
        self._directory = Path(tempfile.mkdtemp(dir=net.directory))
        self._ends: list[subprocess.Popen[str]] = []
        answer = ["answer", to, str(port), str(self._file("arrived"))]
        send = ["send", to, str(port), str(interval_us), str(self._file("sent"))]
        try:
            self._start(net.hq.command(sys.executable, str(_ENDS), *answer))
            self._start(net.lan.command(sys.executable, str(_ENDS), *send))
        except BaseException:
            self.close()
            raise

    def _file(self, what: str) -> Path:
        return self._directory / f"{what}.json"

    def _start(self, command: list[str]) -> None:
        end = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ends.append(end)
        assert end.stdout is not None
        if end.stdout.readline().strip() != "ready":
            raise RuntimeError(f"An end of the stream did not start: {' '.join(command)}")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what still runs; nothing is kept."""
        for end in self._ends:
            if end.poll() is None:
                end.kill()
                end.communicate()

    def stop(self) -> Recording:
        """End both, the sender first, and put together what they noted."""
        for end in reversed(self._ends):
            end.communicate(timeout=30)
            if end.returncode:
                raise RuntimeError(f"An end of the stream died: {end.args}")
        sent = json.loads(self._file("sent").read_text())
        arrived = json.loads(self._file("arrived").read_text())
        answered = sent["answered"]
        return Recording(
            tuple(
                _packet(at_ns, arrived.get(str(number)), answered.get(str(number)))
                for number, at_ns in enumerate(sent["sent"])
            )
        )


def _packet(sent_ns: int, arrival: list[int | str] | None, answered_ns: int | None) -> Packet:
    if arrival is None:
        return Packet(sent_ns, None, None, answered_ns)
    at_ns, interface = arrival
    return Packet(sent_ns, int(at_ns), int(str(interface)[-1]), answered_ns)
