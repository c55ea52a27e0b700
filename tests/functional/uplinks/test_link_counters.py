"""What the kernel itself says about interfaces: real sockets, and a real one made and deleted."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from health.domain.traffic import growth
from health.uplinks.link_counters import LinkCounters, counters_identity


@pytest.fixture
def kernel() -> Iterator[LinkCounters]:
    counters = LinkCounters(time.monotonic_ns)
    yield counters
    counters.close()


def test_what_is_sent_on_an_interface_is_in_its_counters(kernel: LinkCounters) -> None:
    before = kernel.read(["lo"])["lo"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(20):
                sender.sendto(b"x" * 1_000, receiver.getsockname())
    grown = growth(before, kernel.read(["lo"])["lo"])
    assert grown is not None
    assert grown.counts.transmit_bytes >= 20 * 1_028
    assert grown.counts.receive_packets >= 20


def test_an_interface_that_is_not_there_is_left_out(kernel: LinkCounters) -> None:
    assert set(kernel.read(["lo", "no-such-link", "lo"])) == {"lo"}


def test_a_closed_source_opens_again_when_it_is_asked(kernel: LinkCounters) -> None:
    kernel.read(["lo"])
    kernel.close()
    assert "lo" in kernel.read(["lo"])


def test_readings_of_another_boot_have_another_identity() -> None:
    assert counters_identity("one") != counters_identity("two")
    assert counters_identity("one") == counters_identity("one")


@pytest.mark.root
def test_an_interface_made_anew_under_its_old_name_has_a_new_index(kernel: LinkCounters) -> None:
    name = f"pw{os.getpid() % 10**6}{secrets.token_hex(2)}"
    try:
        _ip("link", "add", name, "type", "veth", "peer", f"{name}b")
        first = kernel.read([name])[name]
        _ip("link", "del", name)
        assert kernel.read([name]) == {}
        _ip("link", "add", name, "type", "veth", "peer", f"{name}b")
        second = kernel.read([name])[name]
    finally:
        subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)
    assert first.index != second.index
    assert growth(first, second) is None


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
