"""Says once in a while that a prober has a defect; measuring goes on meanwhile."""

from __future__ import annotations

import logging
import traceback

log = logging.getLogger(__name__)

LOGGED_EVERY_NS = 60_000_000_000


class DefectLog:
    """A defect met thousands of times a second must not fill the log."""

    def __init__(self) -> None:
        self._logged_ns: int | None = None

    def note(self, defect: Exception, doing: str, kind: str, now_ns: int) -> None:
        """Write ``defect`` down, met while ``doing`` ("sending") with probes of ``kind``."""
        if self._logged_ns is not None and now_ns - self._logged_ns < LOGGED_EVERY_NS:
            return
        self._logged_ns = now_ns
        trace = "".join(traceback.format_exception(defect))
        log.error("a defect of the %s prober, met %s; measuring goes on\n%s", kind, doing, trace)
