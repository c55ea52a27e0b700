"""A line with a delay: a TUN device behind which every address answers 90 ms later.

On loopback an answer is there before the sender looks; what happens to probes under
way while a process stands still shows only on a line that takes its time.
``python -m bench.probing.slow_line`` is the child that answers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from bench.probing.network import run

DEVICE = "slow0"
DELAY_SECS = 0.09
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_READY = "answering"


def slow_addresses(count: int) -> list[str]:
    """``count`` addresses behind the device, all of which answer."""
    return [f"10.97.{n // 250}.{1 + n % 250}" for n in range(count)]


@contextlib.contextmanager
def slow_line() -> Iterator[None]:
    """The device with its answering child, in this namespace."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.probing.slow_line"], stdout=subprocess.PIPE, text=True
    )
    try:
        if child.stdout is None or child.stdout.readline().strip() != _READY:
            raise RuntimeError("the slow line could not be made; is there /dev/net/tun?")
        run("ip", "addr", "add", "10.97.255.1/16", "dev", DEVICE)
        run("ip", "link", "set", DEVICE, "up")
        yield
    finally:
        child.kill()
        child.wait()


def main() -> None:
    """Answer every echo request after the delay, for ever."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = _IFF_TUN | _IFF_NO_PI
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), flags))
    run("ip", "link", "set", DEVICE, "txqueuelen", "10000")
    Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6").write_text("1")
    print(_READY, flush=True)
    waiting: deque[tuple[float, bytes]] = deque()
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
        select.select([device], [], [], patience)
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(device, 2048)
                if packet[9] == 1 and packet[20] == 8:
                    waiting.append((time.monotonic() + DELAY_SECS, _answer(packet)))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(device, waiting.popleft()[1])


def _answer(request: bytes) -> bytes:
    """The echo reply: addresses exchanged (no checksum changes), type 0, checksum plus 0x0800."""
    total = int.from_bytes(request[22:24], "big") + 0x0800
    checksum = (total & 0xFFFF) + (total >> 16)
    return (
        request[:12] + request[16:20] + request[12:16]
        + b"\0\0" + checksum.to_bytes(2, "big") + request[24:]
    )  # fmt: skip


if __name__ == "__main__":
    main()
