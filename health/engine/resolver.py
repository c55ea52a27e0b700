"""Names of targets, resolved beside the loop: the loop never waits for DNS.

A name keeps its last address while resolving fails, so a dead resolver looks
like a dead resolver and not like dead paths.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable, Iterable

from health.probers.base import ProberError

log = logging.getLogger(__name__)

RESOLVE_EVERY_SECS = 60.0


class NameResolver:
    """Keeps the address of every wanted name fresh from a thread of its own.

    ``resolve`` maps a name to a literal address and may block; it raises
    ``OSError`` or ``ValueError`` when it can't.
    """

    def __init__(self, resolve: Callable[[str], str]) -> None:
        self._resolve = resolve
        self._addresses: dict[str, str] = {}
        self._errors: dict[str, str] = {}
        self._wanted: frozenset[str] = frozenset()
        self._wake = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def want(self, addresses: Iterable[str]) -> None:
        """Resolve exactly the names among ``addresses`` from now on."""
        names = frozenset(address for address in addresses if not _is_literal(address))
        if names == self._wanted:
            return
        self._wanted = names
        if names and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="resolver", daemon=True)
            self._thread.start()
        self._wake.set()

    def address_of(self, address: str) -> str | None:
        """A literal address for ``address``; None while a name has never resolved."""
        return self._addresses.get(address) or (address if _is_literal(address) else None)

    def error_of(self, name: str) -> str:
        """Why a name could not be resolved the last time; empty when it could."""
        return self._errors.get(name, "")

    def close(self) -> None:
        """Stop the thread. Returns at once; a resolution under way may outlive the call."""
        self._stopped = True
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            for name in sorted(self._wanted):
                self._refresh(name)
            self._wake.wait(RESOLVE_EVERY_SECS)

    def _refresh(self, name: str) -> None:
        try:
            self._addresses[name] = self._resolve(name)
        except (OSError, ValueError, ProberError) as error:
            if self._errors.get(name) != str(error):  # said once, not at every look
                log.warning("%s can't be resolved: %s", name, error)
            self._errors[name] = str(error)
        except Exception as error:
            # A defect of one resolution must not end those of all other names.
            log.exception("resolving %s failed", name)
            self._errors[name] = str(error)
        else:
            self._errors.pop(name, None)


def _is_literal(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
