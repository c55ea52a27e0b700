"""Names of targets, resolved beside the loop: the loop never waits for DNS.

A name keeps its last address while resolving fails, so a dead name server looks
like a dead name server and not like dead paths. Each name is asked for over the
uplink its probes use; how, is the business of ``uplink_lookup``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from health.domain.uplink_state import UplinkState
from health.engine.resolver_files import ResolverFiles, ResolverFilesReader
from health.engine.uplink_lookup import Answers, UplinkLookup, Via
from health.probers.base import ProberError
from health.probers.resolve import ResolveError, addresses_of, is_literal

log = logging.getLogger(__name__)

RESOLVE_EVERY_SECS = 60.0
"""For addresses whose time to live is not known: the system's resolver does not tell it."""
SHORTEST_TTL_SECS = 30.0
LONGEST_TTL_SECS = 3600.0
FIRST_RETRY_SECS = 2.0
"""After a failure; doubled with each further one, up to ``SHORTEST_TTL_SECS``."""
LOOKUPS_AT_ONCE = 32
"""Names under way per uplink: a dead uplink must not use up the sockets of the process."""

_literal = lru_cache(maxsize=65_536)(is_literal)


class NameQuery(NamedTuple):
    """A name and the uplink to ask over; ``uplink_key`` 0 asks the system's resolver."""

    name: str
    uplink_key: int = 0


class NameResolver:
    """Keeps the addresses of all wanted names fresh from a thread of its own.

    ``ask_system`` maps a name to its literal addresses, best first, and may block;
    it raises ``OSError``, ``ValueError`` or ``ProberError`` when it can't. ``refuse``
    says what is wrong with an address as a target ("multicast"), or nothing.

    ``want``, ``via`` and ``close`` belong to one thread; the rest may be called from any.
    """

    def __init__(
        self,
        # A single address will do as well: a text is a sequence of texts, too.
        ask_system: Callable[[str], str | Sequence[str]] = addresses_of,
        *,
        refuse: Callable[[str], str | None] = lambda address: None,
        read_files: Callable[[], ResolverFiles] | None = None,
    ) -> None:
        self.changes = 0
        """Grows whenever an address has changed: nobody need compare them all."""
        self._ask_system = ask_system
        self._refuse = refuse
        self._read_files = read_files or ResolverFilesReader()
        self._wanted: frozenset[NameQuery] = frozenset()
        self._vias: dict[int, Via] = {}
        self._addresses: dict[tuple[str, int], str] = {}
        self._errors: dict[tuple[str, int], str] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False
        # What follows is touched by the resolver's thread alone.
        self._news = asyncio.Event()
        self._tasks: dict[NameQuery, asyncio.Task[None]] = {}
        self._lookups: dict[int, UplinkLookup] = {}
        self._places: dict[int, asyncio.Semaphore] = {}

    # --- for the engine ------------------------------------------------------------
    def want(self, addresses: Iterable[str | tuple[str, int]]) -> None:
        """Resolve exactly the names among ``addresses`` (perhaps with an uplink) from now on."""
        pairs = (NameQuery(a) if isinstance(a, str) else NameQuery(*a) for a in addresses)
        wanted = frozenset(query for query in pairs if not _literal(query.name))
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="resolver", daemon=True)
            self._thread.start()
        self._tell()

    def via(self, uplinks: Mapping[int, UplinkState]) -> None:
        """Ask over the uplinks as they are now; names that are in trouble are asked for at once."""
        vias = {key: Via.of(state) for key, state in uplinks.items()}
        if vias != self._vias:
            self._vias = vias
            self._tell()

    def address_of(self, address: str, uplink_key: int = 0) -> str | None:
        """A literal address for ``address``; None while a name has never resolved."""
        if _literal(address):
            return address
        return self._addresses.get((address, uplink_key))

    def error_of(self, name: str, uplink_key: int = 0) -> str:
        """Why a name could not be resolved the last time; empty when it could."""
        return self._errors.get((name, uplink_key), "")

    def known(self) -> dict[NameQuery, str]:
        """All addresses of names, to be left to a successor."""
        return {NameQuery(*query): address for query, address in self._addresses.copy().items()}

    def restore(self, addresses: Mapping[NameQuery, str]) -> None:
        """Begin with what a predecessor knew; to be called before ``want``."""
        self._addresses |= {q: a for q, a in addresses.items() if _literal(a) and self._usable(a)}

    def close(self) -> None:
        """Stop the thread. Returns at once; a resolution under way may outlive the call."""
        self._stopped = True
        self._tell()

    # --- the thread ----------------------------------------------------------------
    def _tell(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._news.set)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            log.exception("the resolver ended; names keep their last addresses")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopped:
            self._news.clear()
            self._follow_uplinks()
            self._follow_wishes()
            await self._news.wait()

    def _follow_uplinks(self) -> None:
        vias = self._vias
        for key in {*self._lookups, *vias}:
            via = vias.get(key, Via())
            known = self._lookups.get(key)
            if known is None or known.via != via:
                self._lookups[key] = UplinkLookup(via, self._read_files)
                for query in [q for q in self._tasks if q.uplink_key == key]:
                    if self.error_of(*query) or query not in self._addresses:
                        self._tasks.pop(query).cancel()  # begun anew by what follows

    def _follow_wishes(self) -> None:
        wanted = self._wanted
        for query in self._tasks.keys() - wanted:
            self._tasks.pop(query).cancel()
        for kept in (self._addresses, self._errors):
            for pair in kept.keys() - wanted:
                del kept[pair]
        for query in wanted - self._tasks.keys():
            self._tasks[query] = asyncio.create_task(self._keep_fresh(query))

    async def _keep_fresh(self, query: NameQuery) -> None:
        retry_secs = FIRST_RETRY_SECS
        place = self._places.setdefault(query.uplink_key, asyncio.Semaphore(LOOKUPS_AT_ONCE))
        while True:
            async with place:
                good_for_secs = await self._refresh(query)
            if good_for_secs is None:
                await asyncio.sleep(retry_secs)
                retry_secs = min(2 * retry_secs, SHORTEST_TTL_SECS)
            else:
                await asyncio.sleep(good_for_secs)
                retry_secs = FIRST_RETRY_SECS

    async def _refresh(self, query: NameQuery) -> float | None:
        """Ask once; returns for how many seconds the answer holds, None when there is none."""
        try:
            answers, trouble = await self._answers(query)
            self._take(query, answers)
        except (OSError, ValueError, ProberError) as error:
            self._note_error(query, str(error))
            return None
        except Exception as error:
            # A defect of one resolution must not end those of all other names.
            if self._errors.get(query) != repr(error):
                log.exception("resolving %s failed", query.name)
            self._errors[query] = repr(error)
            return None
        if trouble:
            self._note_error(query, trouble)
        else:
            self._errors.pop(query, None)
        return answers.ttl_secs

    async def _answers(self, query: NameQuery) -> tuple[Answers, str]:
        """What is known of a name now, and what was wrong with the way it was found."""
        lookup = self._lookups.get(query.uplink_key)
        if lookup is None or lookup.via == Via():
            return Answers(await self._system_addresses(query.name), RESOLVE_EVERY_SECS), ""
        present = self._addresses.get(query)
        try:
            answers = await lookup.look_up(query.name, present)
        except ResolveError as error:
            if present is not None:
                raise
            # Better probed at the address that others see than not at all.
            addresses = await self._system_addresses_or(query.name, error)
            trouble = f"{error}; the address is that of this host's own resolver"
            return Answers(addresses, SHORTEST_TTL_SECS), trouble
        ttl_secs = min(max(answers.ttl_secs, SHORTEST_TTL_SECS), LONGEST_TTL_SECS)
        return answers._replace(ttl_secs=ttl_secs), ""

    async def _system_addresses_or(self, name: str, failure: ResolveError) -> tuple[str, ...]:
        try:
            return await self._system_addresses(name)
        except (OSError, ValueError, ProberError):
            raise failure from None

    async def _system_addresses(self, name: str) -> tuple[str, ...]:
        """In a thread of its own: getaddrinfo(3) blocks, and nobody can end it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[str, ...]] = loop.create_future()

        def settle(addresses: tuple[str, ...], error: Exception | None) -> None:
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(addresses)

        def ask() -> None:
            found: str | Sequence[str] = ()
            failure: Exception | None = None
            try:
                found = self._ask_system(name)
            except Exception as error:
                failure = error
            addresses = (found,) if isinstance(found, str) else tuple(found)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, addresses, failure)

        threading.Thread(target=ask, name=f"resolve {name}", daemon=True).start()
        return await done

    # --- what is kept ----------------------------------------------------------------
    def _take(self, query: NameQuery, answers: Answers) -> None:
        usable = [address for address in answers.addresses if self._usable(address)]
        if not usable:
            raise ResolveError(self._why_unusable(query.name, answers.addresses))
        present = self._addresses.get(query)
        if present in usable:  # another one of several would restart the window for nothing
            return
        if present is not None:
            log.info("%s moved from %s to %s", query.name, present, usable[0])
        self._addresses[query] = usable[0]
        self.changes += 1

    def _usable(self, address: str) -> bool:
        return not self._refuse(address)

    def _why_unusable(self, name: str, addresses: Sequence[str]) -> str:
        if not addresses:
            return f"{name!r} has no address: correct the name or give a literal address"
        kind = self._refuse(addresses[0])
        return f"{name!r} resolves to {addresses[0]}, a {kind} address: it is not probed"

    def _note_error(self, query: NameQuery, text: str) -> None:
        if self._errors.get(query) != text:  # said once, not at every look
            log.warning("%s can't be resolved: %s", query.name, text)
        self._errors[query] = text
