"""The supervisor of ``manage.py up``: starts the product's processes and keeps them running.

Each child lives in a session of its own, so that a signal to this process's
group (Ctrl-C) arrives here only and the children are stopped in order. A child
that ends, or cannot be started, is started again, after a growing pause if it keeps
ending. Runs in a process that lives long and does little: no Django may enter here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from sdwan_site.processes.parent_death import die_with_parent
from sdwan_site.processes.run_plan import ChildSpec

log = logging.getLogger(__name__)

FIRST_PAUSE_SECS = 0.5
LONGEST_PAUSE_SECS = 30.0
STABLE_AFTER_SECS = 60.0
"""A child that has run this long starts again without a pause when it ends."""
STOP_SECS = 12.0
POLL_SECS = 0.1


class _Child:
    """One running (or pausing) process."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self._pause = FIRST_PAUSE_SECS
        self._started_at = 0.0
        self._start_at = 0.0

    def tend(self, now: float) -> None:
        """Start the process if it is due, note it when it has ended."""
        if self.process is None:
            if now >= self._start_at:
                self._start(now)
            return
        code = self.process.poll()
        if code is None:
            return
        if now - self._started_at >= STABLE_AFTER_SECS:
            self._pause = FIRST_PAUSE_SECS
        self.kill_group()
        self.process = None
        self._start_later(now, f"ended ({_in_words(code)})")

    def _start_later(self, now: float, why: str) -> None:
        log.warning("%s %s; starting it again in %.1f s", self.spec.name, why, self._pause)
        self._start_at = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECS)

    def _start(self, now: float) -> None:
        parent_pid = os.getpid()

        def prepare() -> None:
            die_with_parent(parent_pid, signal.SIGTERM)

        self._started_at = now
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own fixed commands
                self.spec.command,
                env={**os.environ, **self.spec.environment},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=prepare,  # safe: the supervisor has a single thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            # No memory or no process left, or an upgrade is replacing the program: that
            # passes, and the other children must not end because of it.
            self._start_later(now, f"could not be started ({error})")

    def terminate(self) -> None:
        """Ask the process to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end_by(self, deadline: float) -> None:
        """Wait until ``deadline`` (monotonic seconds), then kill what is left."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not end in time and is killed", self.spec.name)
        self.kill_group()
        self.process.wait()

    def kill_group(self) -> None:
        """Nothing that the process started may outlive it."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Runs ``children`` until a signal or ``stop()``."""

    def __init__(self, children: Sequence[ChildSpec]) -> None:
        self._children = [_Child(spec) for spec in children]
        self._stopping = False

    def stop(self) -> None:
        """Ask the running loop to end. May be called from a signal handler."""
        self._stopping = True

    def run(self, each_turn: Callable[[], None] = lambda: None) -> None:
        """Keep the children running until ``stop()``, then stop them all."""
        try:
            while not self._stopping:
                for child in self._children:
                    child.tend(time.monotonic())
                each_turn()
                time.sleep(POLL_SECS)
        finally:
            self._stop_children()

    def _stop_children(self) -> None:
        for child in self._children:
            child.terminate()
        deadline = time.monotonic() + STOP_SECS
        for child in self._children:
            child.end_by(deadline)


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"
