"""Why a path is as it is, in one line for people, with the cure where there is one.

Pure: a ``PathNow`` goes in, a sentence comes out. No markup may enter.
"""

from __future__ import annotations

from health.domain.status import PathStatus, Reason
from health.selectors.current import PathNow

_UNKNOWN: dict[Reason, str] = {
    Reason.NONE: "No probe has been judged yet.",
    Reason.WARMING_UP: "Waiting for the first probes.",
    Reason.STALE: "No probe result: the probe engine of this host is silent.",
    Reason.MISCONFIGURED: "The path cannot be probed as it is configured.",
    Reason.PERMISSION: "This process may not send these probes.",
    Reason.OWN_FAULT: "The probing host itself has a fault; nothing is known about the path.",
}
_CURES: dict[Reason, str] = {
    Reason.PERMISSION: "Run `manage.py doctor`: it says which permission is missing.",
    Reason.MISCONFIGURED: "Check interface, source and targets of the path and its uplink.",
}


def why(path: PathNow, *, in_maintenance: bool = False) -> str:
    """The reason for the path's state; "" for a healthy path."""
    if not path.enabled:
        return "Not probed: the path is disabled."
    if in_maintenance:
        return "In maintenance: not used by any policy until the window ends."
    if path.status is PathStatus.UP:
        return ""
    if path.status is PathStatus.UNKNOWN:
        return _joined(path.detail or _UNKNOWN.get(path.reason, ""), _CURES.get(path.reason, ""))
    if path.reason is Reason.RECOVERING:
        return "Answers again; the score follows after 20 probes."
    if path.reachable is False:
        return _joined("No answer to the latest probes.", path.detail)
    exceeded = limits_exceeded(path)
    if exceeded:
        return " · ".join(exceeded)
    return "Within its limits again; waiting for the score to stay clear of the bound."


def limits_exceeded(path: PathNow) -> list[str]:
    """Each measured value that is beyond its limit, as "loss 7.2 % > 2 %"."""
    found: list[str] = []
    if path.latency_ms is not None and path.latency_ms > path.latency_limit_ms:
        found.append(f"latency {path.latency_ms:.0f} ms > {path.latency_limit_ms:g} ms")
    if path.packet_loss_pct is not None and path.packet_loss_pct > path.packet_loss_limit_pct:
        found.append(f"loss {path.packet_loss_pct:.1f} % > {path.packet_loss_limit_pct:g} %")
    if path.jitter_ms is not None and path.jitter_ms > path.jitter_limit_ms:
        found.append(f"jitter {path.jitter_ms:.1f} ms > {path.jitter_limit_ms:g} ms")
    return found


def _joined(first: str, second: str) -> str:
    return " ".join(part for part in (first, second) if part)
