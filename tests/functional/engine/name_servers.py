"""A name server in a thread that does what a test tells it, on UDP and TCP of one port.

Shared by the tests of this folder; nothing that asserts may enter.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Sequence

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Packets = Sequence[bytes]
Answer = Callable[[dns.message.QueryMessage], Packets]


def response(
    query: dns.message.QueryMessage, *addresses: str, ttl: int = 300, rcode: int = dns.rcode.NOERROR
) -> dns.message.QueryMessage:
    """An honest response with the addresses that fit the kind of the question."""
    made = dns.message.make_response(query)
    made.set_rcode(dns.rcode.Rcode(rcode))
    question = query.question[0]
    version6 = question.rdtype == dns.rdatatype.AAAA
    fitting = [address for address in addresses if (":" in address) == version6]
    if fitting:
        kind = dns.rdatatype.to_text(question.rdtype)
        made.answer.append(dns.rrset.from_text(question.name, ttl, "IN", kind, *fitting))
    return made


def has(*addresses: str, ttl: int = 300) -> Answer:
    """A name with these addresses."""
    return lambda query: [response(query, *addresses, ttl=ttl).to_wire()]


def fails(rcode: int) -> Answer:
    """A name whose questions end with this code."""
    return lambda query: [response(query, rcode=rcode).to_wire()]


def silent(query: dns.message.QueryMessage) -> Packets:
    """A name about which nothing is ever said."""
    return []


class ScriptedNameServer:
    """Answers from ``zone``; a name that is not in it does not exist."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.zone: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, str]] = []
        """Name, kind of record and "udp" or "tcp" of every question."""
        self.askers: list[str] = []
        """The address each question by UDP came from; that under way is the last."""
        self._tcp, self._udp = _both(host, port)
        self.port = int(self._udp.getsockname()[1])
        self._stop, self._stopping = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def names(self) -> list[str]:
        """The names that were asked for, in order."""
        return [name for name, _, _ in self.asked]

    def close(self) -> None:
        """Fall silent: questions are refused by the kernel from now on. Idempotent."""
        if self._thread.is_alive():
            self._stop.send(b"!")
            self._thread.join()
        for sock in (self._tcp, self._udp, self._stop, self._stopping):
            sock.close()

    def _serve(self) -> None:
        while True:
            ready = select.select([self._udp, self._tcp, self._stopping], [], [])[0]
            if self._stopping in ready:
                return
            if self._udp in ready:
                packet, peer = self._udp.recvfrom(65535)
                self.askers.append(peer[0])
                for answer in self._answers(packet, "udp"):
                    self._udp.sendto(answer, peer)
            if self._tcp in ready:
                connection, _ = self._tcp.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    (size,) = struct.unpack("!H", connection.recv(2))
                    for answer in self._answers(connection.recv(size), "tcp"):
                        connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answers(self, packet: bytes, transport: str) -> Packets:
        query = dns.message.from_wire(packet)
        assert isinstance(query, dns.message.QueryMessage)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        answer = self.zone.get(name, fails(dns.rcode.NXDOMAIN))
        packets = answer(query)
        self.asked.append((name, kind, transport))
        if transport == "udp":
            return packets
        return [without_truncation(query, one) for one in packets]


def truncated(*addresses: str) -> Answer:
    """An answer that says it had no room; over TCP all of it is there."""

    def answer(query: dns.message.QueryMessage) -> Packets:
        cut = response(query, *addresses)
        cut.flags |= dns.flags.TC
        return [cut.to_wire()]

    return answer


def without_truncation(query: dns.message.QueryMessage, packet: bytes) -> bytes:
    whole = dns.message.from_wire(packet)
    whole.flags &= ~dns.flags.TC
    return whole.to_wire()


def _both(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A listening TCP socket and a UDP socket with the same port."""
    for _ in range(50):
        tcp = socket.create_server((host, port))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind((host, tcp.getsockname()[1]))
        except OSError:
            tcp.close()
            udp.close()
        else:
            return tcp, udp
    raise OSError(f"no port of {host} is free for both UDP and TCP")
