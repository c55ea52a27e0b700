"""No process outlives the one that started it: Linux tells a child when its parent dies."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int, with_signal: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send ``with_signal`` to this process when its parent ends.

    See prctl(2), PR_SET_PDEATHSIG. ``parent_pid`` is who started this process: if
    it has died before the call, nothing would ever be sent, so this process ends here.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, int(with_signal)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), with_signal)


class _Forks:
    """Remembers who forks, so that the child knows its parent even if that has died."""

    def __init__(self) -> None:
        self.parent_pid = 0

    def before(self) -> None:
        self.parent_pid = os.getpid()

    def in_child(self) -> None:
        die_with_parent(self.parent_pid)


def make_forks_die_with_parent() -> None:
    """Tie every process that is forked below this one, from now on, to its parent."""
    forks = _Forks()
    os.register_at_fork(before=forks.before, after_in_child=forks.in_child)
