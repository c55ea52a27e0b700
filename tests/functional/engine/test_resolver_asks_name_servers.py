"""Names are asked for over their uplink, and no name server can mislead or hold up the engine.

The servers here are real, on loopback; what differs between uplinks is in
``test_resolver_over_uplinks``.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from health.domain.uplink_state import UplinkState
from health.engine import resolver as resolver_module
from health.engine import uplink_lookup
from health.engine.resolver import NameResolver
from health.engine.resolver_files import NameServer, ResolverFiles
from tests.functional.engine.name_servers import (
    Packets,
    ScriptedNameServer,
    fails,
    has,
    response,
    silent,
    truncated,
)

V4 = UplinkState(1, source="127.0.0.1")
V6 = UplinkState(1, source6="::1")


def until(condition: Callable[[], object], patience_secs: float = 20.0) -> None:
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


class Bench:
    """A resolver, its name servers, and what this host's own resolver would say."""

    def __init__(self) -> None:
        self.servers: list[ScriptedNameServer] = []
        self.search: tuple[str, ...] = ()
        self.hosts: dict[str, tuple[str, ...]] = {}
        self.system: dict[str, str] = {}
        self.names = NameResolver(
            self._ask_system,
            refuse=lambda address: "multicast" if address.startswith("224.") else "",
            read_files=lambda: ResolverFiles(
                tuple(NameServer("127.0.0.1", server.port) for server in self.servers),
                self.search,
                self.hosts,
            ),
        )

    def add(self) -> ScriptedNameServer:
        self.servers.append(ScriptedNameServer())
        return self.servers[-1]

    def address(self, name: str, state: UplinkState = V4) -> str | None:
        """The address of ``name`` once it has one, or None once there is an error."""
        self.names.via({state.key: state})
        self.names.want([(name, state.key)])
        until(
            lambda: self.names.address_of(name, state.key) or self.names.error_of(name, state.key)
        )
        return self.names.address_of(name, state.key)

    def _ask_system(self, name: str) -> str:
        if name not in self.system:
            raise OSError(f"{name} is unknown here")
        return self.system[name]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(resolver_module, "SHORTEST_TTL_SECS", 0.05)
    monkeypatch.setattr(resolver_module, "FIRST_RETRY_SECS", 0.05)
    with ExitStack() as stack:
        made = Bench()
        stack.callback(lambda: [server.close() for server in made.servers])
        stack.callback(made.names.close)
        yield made


def test_an_address_of_the_first_family_ends_the_asking(bench: Bench) -> None:
    server = bench.add()
    server.zone["a.example"] = has("2001:db8::1", "192.0.2.1")
    assert bench.address("a.example") == "192.0.2.1"
    assert server.asked == [("a.example", "A", "udp")]


def test_an_uplink_that_has_only_an_ipv6_source_gets_an_ipv6_address(bench: Bench) -> None:
    bench.add().zone["a.example"] = has("192.0.2.1", "2001:db8::1")
    assert bench.address("a.example", V6) == "2001:db8::1"


def test_a_name_with_addresses_of_the_other_family_alone_gets_one_of_them(bench: Bench) -> None:
    server = bench.add()
    server.zone["a.example"] = has("2001:db8::1")
    assert bench.address("a.example") == "2001:db8::1"
    assert [kind for _, kind, _ in server.asked[:2]] == ["A", "AAAA"]


def test_a_name_without_any_address_says_so(bench: Bench) -> None:
    bench.add().zone["a.example"] = has()
    assert bench.address("a.example") is None
    assert "neither an IPv4 nor an IPv6 address" in bench.names.error_of("a.example", 1)


def test_an_alias_is_followed_to_its_address(bench: Bench) -> None:
    def alias(query: dns.message.QueryMessage) -> Packets:
        made = response(query)
        name = query.question[0].name
        made.answer.append(dns.rrset.from_text(name, 300, "IN", "CNAME", "b.example."))
        made.answer.append(dns.rrset.from_text("b.example.", 300, "IN", "A", "192.0.2.2"))
        made.answer.append(dns.rrset.from_text("c.example.", 300, "IN", "A", "192.0.2.3"))
        return [made.to_wire()]

    bench.add().zone["a.example"] = alias
    assert bench.address("a.example") == "192.0.2.2"


def test_a_truncated_answer_is_asked_for_again_by_tcp(bench: Bench) -> None:
    server = bench.add()
    server.zone["a.example"] = truncated("192.0.2.1")
    assert bench.address("a.example") == "192.0.2.1"
    assert [transport for _, _, transport in server.asked[:2]] == ["udp", "tcp"]


def forgeries(query: dns.message.QueryMessage) -> list[bytes]:
    """What an attacker or a broken box might send before the true answer."""
    lie = response(query, "203.0.113.66")
    other_id = dns.message.from_wire(lie.to_wire())
    other_id.id = (query.id + 1) % 65536
    question = dns.message.make_query("other.example.", "A", id=query.id)
    assert isinstance(question, dns.message.QueryMessage)
    no_response = dns.message.from_wire(lie.to_wire())
    no_response.flags &= ~dns.flags.QR
    return [
        other_id.to_wire(),
        response(question, "203.0.113.66").to_wire(),
        no_response.to_wire(),
        lie.to_wire()[:20],
        b"",
        b"\xff" * 40,
    ]


def test_forged_and_broken_packets_are_passed_over_until_the_true_answer(bench: Bench) -> None:
    bench.add().zone["a.example"] = lambda query: [
        *forgeries(query),
        response(query, "192.0.2.1").to_wire(),
    ]
    assert bench.address("a.example") == "192.0.2.1"
    assert bench.names.error_of("a.example", 1) == ""


def test_an_answer_from_another_port_is_never_seen(bench: Bench) -> None:
    server = bench.add()

    def forged_from_elsewhere(query: dns.message.QueryMessage) -> Packets:
        # The question's sender is known to the server alone, so it has to help.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            for port in query_ports(server):
                attacker.sendto(response(query, "203.0.113.66").to_wire(), ("127.0.0.1", port))
        return [response(query, "192.0.2.1").to_wire()]

    server.zone["a.example"] = forged_from_elsewhere
    assert bench.address("a.example") == "192.0.2.1"


def query_ports(server: ScriptedNameServer) -> list[int]:
    """The ports of this host's UDP sockets that are connected to ``server``."""
    ports = []
    with open("/proc/net/udp") as table:  # noqa: PTH123
        for line in table.readlines()[1:]:
            local, remote = line.split()[1:3]
            if int(remote.partition(":")[2], 16) == server.port:
                ports.append(int(local.partition(":")[2], 16))
    assert ports
    return ports


def test_a_flood_of_strange_packets_gives_the_next_server_its_turn(bench: Bench) -> None:
    bench.add().zone["a.example"] = lambda query: forgeries(query) * 100
    bench.add().zone["a.example"] = has("192.0.2.1")
    assert bench.address("a.example") == "192.0.2.1"


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR])
def test_a_server_that_fails_gives_the_next_one_its_turn(bench: Bench, rcode: int) -> None:
    bench.add().zone["a.example"] = fails(rcode)
    bench.add().zone["a.example"] = has("192.0.2.1")
    assert bench.address("a.example") == "192.0.2.1"


def test_a_silent_server_costs_its_time_once_and_is_asked_last_from_then_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink_lookup, "ANSWER_SECS", 0.3)
    dead, living = bench.add(), bench.add()
    dead.zone["a.example"] = silent
    living.zone["a.example"] = has("192.0.2.1", ttl=0)
    assert bench.address("a.example") == "192.0.2.1"
    until(lambda: len(living.asked) >= 5)
    assert len(dead.asked) == 1


def test_a_name_that_does_not_exist_is_named_with_the_server_that_says_so(bench: Bench) -> None:
    bench.add()
    assert bench.address("a.example") is None
    error = bench.names.error_of("a.example", 1)
    assert "'a.example' does not exist, says name server 127.0.0.1" in error


TROUBLES = [
    fails(dns.rcode.SERVFAIL),
    fails(dns.rcode.NXDOMAIN),
    silent,
    has(),
    has("224.0.0.1"),
]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_last_address_stays_while_there_is_trouble_and_the_next_one_follows(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[dns.message.QueryMessage], Packets],
) -> None:
    monkeypatch.setattr(uplink_lookup, "ANSWER_SECS", 0.1)
    server = bench.add()
    server.zone["a.example"] = has("192.0.2.1", ttl=0)
    bench.system["a.example"] = "203.0.113.1"  # is not asked while there is an address
    assert bench.address("a.example") == "192.0.2.1"
    server.zone["a.example"] = trouble
    until(lambda: bench.names.error_of("a.example", 1))
    assert bench.names.address_of("a.example", 1) == "192.0.2.1"
    server.zone["a.example"] = has("192.0.2.2")
    until(lambda: bench.names.address_of("a.example", 1) == "192.0.2.2")
    until(lambda: not bench.names.error_of("a.example", 1))


def test_a_name_server_that_dies_leaves_the_last_address(bench: Bench) -> None:
    server = bench.add()
    server.zone["a.example"] = has("192.0.2.1", ttl=0)
    assert bench.address("a.example") == "192.0.2.1"
    server.close()
    until(lambda: bench.names.error_of("a.example", 1))
    assert bench.names.address_of("a.example", 1) == "192.0.2.1"


def test_a_failure_of_the_present_family_is_no_reason_to_leave_it(bench: Bench) -> None:
    def only_ipv6_works(query: dns.message.QueryMessage) -> Packets:
        if query.question[0].rdtype == dns.rdatatype.A:
            return [response(query, rcode=dns.rcode.SERVFAIL).to_wire()]
        return [response(query, "2001:db8::1").to_wire()]

    server = bench.add()
    server.zone["a.example"] = has("192.0.2.1", "2001:db8::1", ttl=0)
    server.zone["b.example"] = only_ipv6_works
    assert bench.address("a.example") == "192.0.2.1"
    server.zone["a.example"] = only_ipv6_works
    until(lambda: bench.names.error_of("a.example", 1))
    assert bench.names.address_of("a.example", 1) == "192.0.2.1"
    assert bench.address("b.example") == "2001:db8::1"


def test_answers_in_another_order_do_not_move_a_target(bench: Bench) -> None:
    turn = 0

    def rotating(query: dns.message.QueryMessage) -> Packets:
        nonlocal turn
        turn += 1
        order = ["192.0.2.1", "192.0.2.2"][:: 1 if turn % 2 else -1]
        return [response(query, *order, ttl=0).to_wire()]

    bench.add().zone["a.example"] = rotating
    first = bench.address("a.example")
    until(lambda: turn >= 6)
    assert bench.names.address_of("a.example", 1) == first
    assert bench.names.changes == 1


def test_an_address_holds_as_long_as_its_time_to_live_says(bench: Bench) -> None:
    server = bench.add()
    server.zone |= {"long.example": has("192.0.2.1"), "short.example": has("192.0.2.2", ttl=0)}
    bench.names.via({1: V4})
    bench.names.want([("long.example", 1), ("short.example", 1)])
    until(lambda: server.names().count("short.example") >= 5)
    assert server.names().count("long.example") == 1


def test_the_hosts_file_comes_before_the_name_servers(bench: Bench) -> None:
    server = bench.add()
    bench.hosts["a.example"] = ("192.0.2.7",)
    assert bench.address("a.example") == "192.0.2.7"
    assert server.asked == []


def test_a_name_without_a_dot_is_tried_with_the_search_list(bench: Bench) -> None:
    bench.search = ("x.example", "y.example")
    server = bench.add()
    server.zone["box.y.example"] = has("192.0.2.1")
    assert bench.address("box") == "192.0.2.1"
    assert server.names() == ["box.x.example", "box.y.example"]


def test_a_name_that_the_uplink_cannot_resolve_begins_with_the_hosts_own_answer(
    bench: Bench,
) -> None:
    bench.add().zone["a.example"] = fails(dns.rcode.REFUSED)
    bench.system["a.example"] = "192.0.2.1"
    assert bench.address("a.example") == "192.0.2.1"
    until(lambda: "REFUSED" in bench.names.error_of("a.example", 1))
    assert bench.names.address_of("a.example", 1) == "192.0.2.1"


def test_without_a_name_server_the_cure_is_named(bench: Bench) -> None:
    assert bench.address("a.example") is None
    assert "add a nameserver line to /etc/resolv.conf" in bench.names.error_of("a.example", 1)


def test_names_that_hang_hold_up_neither_others_nor_another_uplink(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "LOOKUPS_AT_ONCE", 8)
    server = bench.add()
    hanging = [f"h{n}.example" for n in range(100)]
    good = [f"g{n}.example" for n in range(300)]
    server.zone |= dict.fromkeys(hanging, silent) | dict.fromkeys(good, has("192.0.2.1"))
    bench.names.via({1: V4, 2: UplinkState(2, source="127.0.0.2")})
    bench.names.want([(name, 1) for name in hanging] + [(name, 2) for name in good])
    until(lambda: len(bench.names.known()) == 300)
    assert {query.uplink_key for query in bench.names.known()} == {2}
    assert not any(bench.names.error_of(name, 1) for name in hanging)  # still waiting


def test_one_hanging_name_does_not_delay_a_thousand(bench: Bench) -> None:
    server = bench.add()
    names = [f"g{n}.example" for n in range(1_000)]
    server.zone |= dict.fromkeys(names, has("192.0.2.1")) | {"h.example": silent}
    bench.names.via({1: V4})
    bench.names.want([("h.example", 1), *((name, 1) for name in names)])
    until(lambda: len(bench.names.known()) == 1_000)
    assert not bench.names.error_of("h.example", 1)


def test_an_uplink_that_changed_has_its_troubled_names_asked_for_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_module, "FIRST_RETRY_SECS", 600.0)
    server = bench.add()
    assert bench.address("a.example") is None
    server.zone["a.example"] = has("192.0.2.1")
    bench.names.via({1: UplinkState(1, source="127.0.0.2")})
    until(lambda: bench.names.address_of("a.example", 1) == "192.0.2.1")


def test_closing_ends_the_thread_while_questions_are_under_way(bench: Bench) -> None:
    server = bench.add()
    server.zone["h.example"] = silent
    bench.names.via({1: V4})
    bench.names.want([("h.example", 1)])
    until(lambda: server.asked)
    bench.names.close()
    thread = bench.names._thread
    assert thread is not None
    thread.join(5)
    assert not thread.is_alive()
