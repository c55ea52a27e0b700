"""One name, asked over one uplink: DNS with the uplink's own source, interface and mark.

dnspython builds and reads the messages; the sockets are ours, since only a socket
can be tied to an uplink. Keeps no addresses and decides nothing about their use.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from health.domain.uplink_state import UplinkState
from health.engine.resolver_files import NameServer, ResolverFiles
from health.probers.base import SendError
from health.probers.resolve import ResolveError
from health.probers.socket_options import SO_MARK, bind_to_interface

ANSWER_SECS = 3.0
"""How long one name server has for one question."""
ROUNDS = 2
"""How often all name servers are asked before the question has failed."""
MAX_STRANGE_PACKETS = 100
"""Packets that are no answer to the question before the next server is asked."""
_MAX_MESSAGE = 65_535
_length = struct.Struct("!H")


class Via(NamedTuple):
    """What makes a query leave over its uplink; all empty where the kernel's routing chooses."""

    source: str = ""
    source6: str = ""
    interface: str = ""
    fwmark: int = 0

    @classmethod
    def of(cls, state: UplinkState) -> Via:
        """The options of an uplink as it is now."""
        return cls(state.source, state.source6, state.interface, state.fwmark)

    @property
    def families(self) -> tuple[int, int]:
        """4 and 6, the one whose packets the uplink can carry first; 4 where it is open."""
        return (6, 4) if self.source6 and not self.source else (4, 6)

    def __str__(self) -> str:
        return self.interface or self.source or self.source6 or f"firewall mark {self.fwmark}"


class Answers(NamedTuple):
    """The addresses of a name in the server's order, and for how many seconds they hold."""

    addresses: tuple[str, ...]
    ttl_secs: float


class NoServerAnsweredError(ResolveError):
    """Every server was silent, out of reach, or failed: nothing is known about the name."""


class NoSuchNameError(ResolveError):
    """The name does not exist (NXDOMAIN), whatever is asked about it."""


class UplinkLookup:
    """Asks for names over one uplink. ``read_files`` tells the servers as they are now.

    All methods are coroutines of one event loop; nothing blocks it.
    """

    def __init__(self, via: Via, read_files: Callable[[], ResolverFiles]) -> None:
        self.via = via
        self._read_files = read_files
        self._last_good: NameServer | None = None

    async def look_up(self, name: str, present: str | None = None) -> Answers:
        """The addresses of ``name``; those of the uplink's own family if there are any.

        ``present`` is the address in use. Failing to ask for its family is no
        reason to leave it for the other one. Raises ``ResolveError``.
        """
        files = self._read_files()
        if in_hosts := _of_first_family(files.in_hosts(name), self.via):
            return Answers(in_hosts, 0.0)
        failure: ResolveError | None = None
        for family in self.via.families:
            try:
                answers = await self._look_up_family(name, family, files)
            except (NoServerAnsweredError, NoSuchNameError):
                raise
            except ResolveError as error:
                if present is not None and _family_of(present) == family:
                    raise
                failure = failure or error
            else:
                if answers.addresses:
                    return answers
        raise failure or ResolveError(
            f"{name!r} has neither an IPv4 nor an IPv6 address: "
            "correct the name or give a literal address"
        )

    async def _look_up_family(self, name: str, family: int, files: ResolverFiles) -> Answers:
        failure: ResolveError | None = None
        answers = Answers((), 0.0)
        for full_name in files.full_names(name):
            try:
                answers = await self._ask_servers(full_name, family, files.servers)
            except NoSuchNameError as error:
                failure = error
                continue
            if answers.addresses:
                return answers
            failure = None
        if failure is not None:
            raise failure
        return answers

    async def _ask_servers(
        self, full_name: str, family: int, servers: Sequence[NameServer]
    ) -> Answers:
        if not servers:
            raise NoServerAnsweredError(
                "no name server is known: add a nameserver line to /etc/resolv.conf "
                "or give literal addresses"
            )
        query = _question(full_name, family)
        failures: dict[str, str] = {}
        serving = False
        for server in self._in_order(servers) * ROUNDS:
            try:
                response = await self._ask(query, server)
                answers = _read(response, full_name, server)
            except _Failed as failed:
                failures[server.address] = str(failed)
                serving = serving or failed.served
            else:
                self._last_good = server
                return answers
        said = "; ".join(f"{address}: {why}" for address, why in failures.items())
        text = (
            f"no address of {full_name.rstrip('.')!r} over {self.via} ({said}): "
            "check the name servers in /etc/resolv.conf or give a literal address"
        )
        raise ResolveError(text) if serving else NoServerAnsweredError(text)

    def _in_order(self, servers: Sequence[NameServer]) -> tuple[NameServer, ...]:
        """A server that answered the last time is asked first: a dead one costs seconds."""
        return tuple(sorted(servers, key=lambda server: server != self._last_good))

    async def _ask(
        self, query: dns.message.QueryMessage, server: NameServer
    ) -> dns.message.Message:
        try:
            async with asyncio.timeout(ANSWER_SECS):
                response = await self._ask_udp(query, server)
                if response.flags & dns.flags.TC:
                    response = await self._ask_tcp(query, server)
                return response
        except TimeoutError:
            raise _Failed(f"no answer within {ANSWER_SECS:g} s") from None
        except OSError as error:
            raise _Failed(error.strerror or str(error)) from None
        except (SendError, dns.exception.DNSException, EOFError) as error:
            raise _Failed(str(error) or type(error).__name__) from None

    async def _ask_udp(
        self, query: dns.message.QueryMessage, server: NameServer
    ) -> dns.message.Message:
        loop = asyncio.get_running_loop()
        with self._socket(server, socket.SOCK_DGRAM) as sock:
            # Connected, the kernel delivers packets of this server and port alone; with
            # a random id and a port of the kernel's choice that is RFC 5452's protection.
            await loop.sock_connect(sock, _sockaddr(server))
            await loop.sock_sendall(sock, query.to_wire())
            for _ in range(MAX_STRANGE_PACKETS):
                response = _parse(await loop.sock_recv(sock, _MAX_MESSAGE))
                if response is not None and query.is_response(response):
                    return response
                await asyncio.sleep(0)  # a flood must not hold up the other names
        raise _Failed("nothing but strange packets")

    async def _ask_tcp(
        self, query: dns.message.QueryMessage, server: NameServer
    ) -> dns.message.Message:
        """The same question where there is room for the whole answer (RFC 7766)."""
        loop = asyncio.get_running_loop()
        with self._socket(server, socket.SOCK_STREAM) as sock:
            await loop.sock_connect(sock, _sockaddr(server))
            packet = query.to_wire()
            await loop.sock_sendall(sock, _length.pack(len(packet)) + packet)
            size = _length.unpack(await _receive_exactly(sock, _length.size))[0]
            response = _parse(await _receive_exactly(sock, size))
        if response is None or not query.is_response(response):
            raise _Failed("a strange answer by TCP")
        return response

    def _socket(self, server: NameServer, kind: socket.SocketKind) -> socket.socket:
        """A non-blocking socket whose packets leave over the uplink; raises ``OSError``."""
        version6 = ":" in server.address
        sock = socket.socket(socket.AF_INET6 if version6 else socket.AF_INET, kind)
        try:
            sock.setblocking(False)
            if not server.is_local:
                self._tie_to_uplink(sock, self.via.source6 if version6 else self.via.source)
        except BaseException:
            sock.close()
            raise
        return sock

    def _tie_to_uplink(self, sock: socket.socket, source: str) -> None:
        if self.via.interface:
            bind_to_interface(sock, self.via.interface)
        if self.via.fwmark:
            sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("@I", self.via.fwmark))
        if source:
            sock.bind((source, 0))


class _Failed(Exception):
    """One server gave no usable answer; ``served`` when it lives and said so."""

    def __init__(self, why: str, *, served: bool = False) -> None:
        super().__init__(why)
        self.served = served


def _question(full_name: str, family: int) -> dns.message.QueryMessage:
    kind = dns.rdatatype.AAAA if family == 6 else dns.rdatatype.A
    try:
        return dns.message.make_query(full_name, kind, id=secrets.randbits(16))
    except (dns.exception.DNSException, UnicodeError) as error:
        raise NoSuchNameError(f"{full_name!r} is not a host name: {error}") from None


def _parse(packet: bytes) -> dns.message.Message | None:
    try:
        return dns.message.from_wire(packet)
    except (dns.exception.DNSException, ValueError):
        return None


def _read(response: dns.message.Message, full_name: str, server: NameServer) -> Answers:
    rcode = response.rcode()
    if rcode == dns.rcode.NXDOMAIN:
        raise NoSuchNameError(
            f"{full_name.rstrip('.')!r} does not exist, says name server {server.address}: "
            "check its spelling or give a literal address"
        )
    if rcode != dns.rcode.NOERROR:
        raise _Failed(dns.rcode.to_text(rcode), served=True)
    try:
        chain = cast("dns.message.QueryMessage", response).resolve_chaining()
    except dns.exception.DNSException as error:
        raise _Failed(f"a broken answer: {error}", served=True) from None
    found = chain.answer or ()
    return Answers(tuple(record.address for record in found), float(chain.minimum_ttl))


async def _receive_exactly(sock: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    received = b""
    while len(received) < size:
        part = await loop.sock_recv(sock, size - len(received))
        if not part:
            raise EOFError("the connection ended before the answer did")
        received += part
    return received


def _sockaddr(server: NameServer) -> tuple[str, int] | tuple[str, int, int, int]:
    """With the scope of a link-local address; literal addresses only, so nothing is asked."""
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    found = socket.getaddrinfo(server.address, server.port, flags=flags)[0][4]
    return cast("tuple[str, int] | tuple[str, int, int, int]", found)


def _of_first_family(addresses: tuple[str, ...], via: Via) -> tuple[str, ...]:
    for family in via.families:
        if found := tuple(a for a in addresses if _family_of(a) == family):
            return found
    return ()


def _family_of(address: str) -> int:
    return 6 if ":" in address else 4
