"""What /etc/resolv.conf and /etc/hosts say, for names that are asked over an uplink.

Reads files and nothing else; no packet leaves here. Formats: resolv.conf(5), hosts(5).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from health.probers.resolve import is_literal

DNS_PORT = 53
MAX_NAME_SERVERS = 3  # resolv.conf(5)

RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")
UPSTREAM_RESOLV_CONF = Path("/run/systemd/resolve/resolv.conf")
"""Where systemd-resolved writes the servers behind its own 127.0.0.53."""

_Parsed = TypeVar("_Parsed")


class NameServer(NamedTuple):
    """A literal address, perhaps with a scope ("fe80::1%wan1"), and a port."""

    address: str
    port: int = DNS_PORT

    @property
    def is_local(self) -> bool:
        """True for a server on this host, which no uplink leads to."""
        return ipaddress.ip_address(self.address).is_loopback


@dataclass(frozen=True, slots=True)
class ResolverFiles:
    """Who is asked, which endings a name without a dot may have, and what needs no asking."""

    servers: tuple[NameServer, ...] = ()
    search: tuple[str, ...] = ()
    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def in_hosts(self, name: str) -> tuple[str, ...]:
        """The addresses of ``name`` in /etc/hosts; none when it is not there."""
        return self.hosts.get(name.rstrip(".").lower(), ())

    def full_names(self, name: str) -> tuple[str, ...]:
        """The names to ask for, in order: one without a dot is tried with each ending first."""
        if name.endswith("."):
            return (name,)
        if "." in name:
            return (f"{name}.",)
        return (*(f"{name}.{ending}." for ending in self.search), f"{name}.")


class ResolverFilesReader:
    """Calling it gives the files as they are now; they are parsed again only when they change."""

    def __init__(
        self,
        resolv_conf: Path = RESOLV_CONF,
        hosts: Path = HOSTS,
        upstream: Path = UPSTREAM_RESOLV_CONF,
    ) -> None:
        self._resolv_conf = _Watched(resolv_conf, read_resolv_conf)
        self._upstream = _Watched(upstream, read_resolv_conf)
        self._hosts = _Watched(hosts, read_hosts)

    def __call__(self) -> ResolverFiles:
        """Never raises: a file that cannot be read is empty."""
        servers, search = self._resolv_conf.value()
        if servers and all(server.is_local for server in servers):
            # A stub on this host asks by whatever route there is. Behind the one
            # of systemd are servers that can be asked over the uplink itself.
            servers = self._upstream.value()[0] or servers
        return ResolverFiles(servers, search, self._hosts.value())


class _Watched(Generic[_Parsed]):
    """The parsed content of one file, as long as the file is the same."""

    def __init__(self, path: Path, parse: Callable[[str], _Parsed]) -> None:
        self._path = path
        self._parse = parse
        self._seen: tuple[int, int, int] | None = None
        self._parsed = parse("")

    def value(self) -> _Parsed:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen != self._seen:
                self._parsed = self._parse(self._path.read_text(errors="replace"))
                self._seen = seen
        except OSError:
            self._seen, self._parsed = None, self._parse("")
        return self._parsed


def read_resolv_conf(text: str) -> tuple[tuple[NameServer, ...], tuple[str, ...]]:
    """The name servers and the search list of a resolv.conf(5)."""
    servers: list[NameServer] = []
    search: tuple[str, ...] = ()
    for words in _lines(text, comments="#;"):
        if words[0] == "nameserver" and len(words) > 1 and is_literal(words[1]):
            servers.append(NameServer(words[1]))
        elif words[0] in {"search", "domain"}:  # the last one counts
            search = tuple(word.rstrip(".") for word in words[1:] if word != ".")
    return tuple(servers[:MAX_NAME_SERVERS]), search


def read_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """All addresses of each name of a hosts(5), in the order of the file; names in lower case."""
    found: dict[str, tuple[str, ...]] = {}
    for address, *names in _lines(text, comments="#"):
        if is_literal(address):
            for name in names:
                found[name.lower()] = (*found.get(name.lower(), ()), address)
    return found


def _lines(text: str, comments: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        for mark in comments:
            line = line.partition(mark)[0]
        if words := line.split():
            yield words
