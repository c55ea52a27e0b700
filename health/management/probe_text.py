"""What ``manage.py probe`` prints: its lines, its summary, its JSON. Text in, text out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from health.domain.measurement import Outcome
from health.probers.base import WireTarget
from health.probers.one_off import Attempt, Summary, by_target, summarise


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: one target, or all targets of a path (``path_id``).

    ``word`` is what was asked for, ``names`` and ``wires`` the targets as named and as
    resolved, ``quorum`` how many of them must answer.
    """

    word: str
    kind: str
    names: Sequence[str]
    wires: Sequence[WireTarget]
    quorum: int
    timeout_secs: float
    path_id: int | None = None

    @property
    def path(self) -> bool:
        """True for a path."""
        return self.path_id is not None


def heading(subject: Subject) -> str:
    """How a path is measured."""
    wire = subject.wires[0]
    options = [
        f"{name} {value}"
        for name, value in (
            ("by", wire.interface),
            ("from", wire.source),
            ("mark", wire.fwmark),
            ("DSCP", wire.dscp),
        )
        if value
    ]
    targets = "1 target" if len(subject.wires) == 1 else f"{len(subject.wires)} targets"
    return f"{subject.word}: {', '.join([subject.kind, *options, targets])}"


def line(subject: Subject, attempt: Attempt) -> str:
    """One probe that has ended."""
    address = subject.wires[attempt.target].address
    if attempt.outcome is Outcome.ANSWERED and attempt.rtt_ms is not None:
        return f"{attempt.number}: {address} {attempt.rtt_ms:.3f} ms"
    return f"{attempt.number}: {address} {attempt.outcome}: {attempt.detail}"


def as_text(subject: Subject, attempts: Sequence[Attempt]) -> str:
    """The summary of each target."""
    groups = by_target(attempts, len(subject.wires))
    texts = [
        _summary(wire.address, summarise(group))
        for wire, group in zip(subject.wires, groups, strict=True)
    ]
    return "\n".join(texts)


def as_json(subject: Subject, attempts: Sequence[Attempt]) -> str:
    """Everything as one object: of a target, or of a path with all its targets."""
    groups = by_target(attempts, len(subject.wires))
    targets = [
        {
            "target": name,
            "address": wire.address,
            "port": wire.port or None,
            "kind": subject.kind,
            **_rounded(summarise(group)._asdict()),
            "probes": [_probe(attempt) for attempt in group],
        }
        for name, wire, group in zip(subject.names, subject.wires, groups, strict=True)
    ]
    if not subject.path:
        return json.dumps(targets[0])
    return json.dumps(
        {
            "path": subject.word,
            "path_id": subject.path_id,
            "kind": subject.kind,
            "quorum": subject.quorum,
            **_rounded(summarise(attempts)._asdict()),
            "targets": targets,
        }
    )


def _summary(address: str, summary: Summary) -> str:
    loss = "-" if summary.packet_loss_pct is None else f"{summary.packet_loss_pct:.1f} %"
    lines = [f"--- {address}: {summary.sent} sent, {summary.received} received, {loss} loss"]
    if summary.received:
        jitter = "-" if summary.jitter_ms is None else f"{summary.jitter_ms:.3f} ms"
        times = f"{summary.min_ms:.3f}/{summary.avg_ms:.3f}/{summary.max_ms:.3f} ms"
        lines.append(f"latency min/avg/max {times}, jitter {jitter}")
    if summary.forward_loss_pct is not None and summary.backward_loss_pct is not None:
        lines.append(
            f"loss on the way there {summary.forward_loss_pct:.1f} %, "
            f"on the way back {summary.backward_loss_pct:.1f} %"
        )
    return "\n".join(lines)


def _probe(attempt: Attempt) -> dict[str, Any]:
    fields = _rounded(attempt._asdict())
    return {name: fields[name] for name in ("number", "outcome", "rtt_ms", "detail")}


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    """Microseconds are as fine as these figures are."""
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in fields.items()}
