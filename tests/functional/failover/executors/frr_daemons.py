"""zebra and staticd of FRR inside a namespace, reached by a vtysh of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.conftest import missing_layer
from tests.lab.namespaces import Namespace

DAEMONS = ("zebra", "staticd")
PROGRAMS = Path("/usr/lib/frr")
VTYSH = "/usr/bin/vtysh"


class Frr:
    """The daemons; ``vtysh`` are the words that reach them, ``stop`` ends them."""

    def __init__(self, space: Namespace) -> None:
        if not Path(VTYSH).exists():
            missing_layer("needs FRR: apt-get install frr")
        self._space = space
        # Not below pytest's folder, which the user frr may not enter.
        self._folder = Path(tempfile.mkdtemp(prefix="pathwarden-frr-"))
        self.vtysh = [VTYSH, "--vty_socket", str(self._folder)]
        try:
            self._folder.chmod(0o755)
            shutil.chown(self._folder, "frr", "frr")
            for name in DAEMONS:
                self.start(name)
        except BaseException:
            self.stop()
            raise

    def start(self, name: str) -> None:
        """Start one daemon and wait until it can be asked."""
        file = self._folder / f"{name}.conf"
        file.touch()
        shutil.chown(file, "frr", "frr")
        words = [
            str(PROGRAMS / name), "-d", "-f", str(file), "-i", str(self._pid_file(name)),
            "-z", str(self._folder / "zserv.api"), "--vty_socket", str(self._folder), "-P", "0",
        ]  # fmt: skip
        subprocess.run(
            self._space.command(*words), check=True, timeout=20, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        give_up_at = time.monotonic() + 20.0
        while self._asked(name).returncode and time.monotonic() < give_up_at:
            time.sleep(0.05)

    def _asked(self, name: str) -> subprocess.CompletedProcess[str]:
        words = [*self.vtysh, "-d", name, "-c", "show version"]
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)

    def tell(self, *lines: str) -> str:
        """Enter lines of configuration as somebody else would."""
        return self.ask("configure terminal", *lines)

    def ask(self, *commands: str) -> str:
        """What vtysh says."""
        words = [*self.vtysh, *(word for one in commands for word in ("-c", one))]
        return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout

    def routes(self) -> list[str]:
        """The static routes in the configuration."""
        text = self.ask("show running-config no-header")
        return [row.strip() for row in text.splitlines() if " route " in row]

    def kill(self, name: str) -> None:
        """End one daemon."""
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):
            number = int(self._pid_file(name).read_text())
            os.kill(number, signal.SIGTERM)
            give_up_at = time.monotonic() + 10.0
            while Path(f"/proc/{number}").exists() and time.monotonic() < give_up_at:
                time.sleep(0.02)

    def stop(self) -> None:
        """End all, and leave nothing."""
        for name in reversed(DAEMONS):
            self.kill(name)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _pid_file(self, name: str) -> Path:
        return self._folder / f"{name}.pid"
