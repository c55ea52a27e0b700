"""A PostgreSQL server of our own for one benchmark: temporary directory, free port.

Runs as the user ``postgres`` (or ``nobody``), because the server refuses to run as root.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path


def server_binaries() -> Path:
    """Where the newest installed server lies."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    if not found:
        sys.exit("This benchmark needs a PostgreSQL server: apt-get install postgresql")
    return found[-1]


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """Yields the URL of an empty database on a server that ends with the block."""
    binaries = server_binaries()
    user = _ordinary_user()
    directory = Path(tempfile.mkdtemp(prefix="pathwarden-bench-pg-"))
    os.chown(directory, user.pw_uid, user.pw_gid)
    port = _free_port()
    data = directory / "data"

    def as_user(*words: str) -> None:
        subprocess.run(
            words, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd=directory, check=True,
            stdout=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip

    as_user(
        str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8"
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={directory}"
    control = str(binaries / "pg_ctl")
    log = str(directory / "log")
    as_user(control, "-D", str(data), "-w", "-l", log, "-o", options, "start")
    try:
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"
    finally:
        as_user(control, "-D", str(data), "-w", "-m", "fast", "stop")
        shutil.rmtree(directory, ignore_errors=True)


def _ordinary_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("neither the user postgres nor nobody exists")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
