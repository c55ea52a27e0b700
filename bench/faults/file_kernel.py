"""A kernel made of files, and an executor over it with the same order of steps as ``linux``.

It outlives every kill of the process that changes it, and keeps a log of all changes, so
that what was really done can be compared with what was recorded. Named steps let the
harness die between them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from failover.executors.base import Applied, Intent, Observed, Plan, Problem, Proposal
from failover.executors.changes import Change
from failover.executors.fence_file import FileFence
from failover.executors.planning import route_changes


class FileKernel:
    """Routes by policy uid in one file each; ``changes.log`` has every change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "changes.log"
        folder.mkdir(parents=True, exist_ok=True)

    def routes(self) -> dict[str, int]:
        """The path of every policy that has a route."""
        return {file.stem: self.entry(file.stem)["path"] for file in self._folder.glob("*.route")}

    def entry(self, policy_uid: str) -> dict[str, Any]:
        """The route of one policy: path, generation, lease epoch, text."""
        text = (self._folder / f"{policy_uid}.route").read_text(encoding="utf-8")
        entry: dict[str, Any] = json.loads(text)
        return entry

    def has(self, policy_uid: str) -> bool:
        """Whether the policy has a route."""
        return (self._folder / f"{policy_uid}.route").exists()

    def replace(self, policy_uid: str, entry: dict[str, Any]) -> None:
        """Change one route, as a kernel does: wholly or not at all."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"policy": policy_uid, **entry}) + "\n")
        file = self._folder / f"{policy_uid}.route"
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(entry), encoding="utf-8")
        draft.replace(file)

    def delete(self, policy_uid: str) -> None:
        """Take one route away."""
        (self._folder / f"{policy_uid}.route").unlink(missing_ok=True)

    def log(self) -> list[dict[str, Any]]:
        """All changes so far."""
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]


class FileExecutor:
    """Carries orders out on a ``FileKernel``; ``step`` is called with the name of each step."""

    def __init__(self, folder: Path, kernel: FileKernel, step: Callable[[str], None]) -> None:
        self._fence = FileFence(folder)
        self._kernel = kernel
        self._step = step

    def plan(self, intent: Intent) -> Plan:
        """As ``linux`` plans."""
        return route_changes(intent)

    def apply(self, plan: Plan) -> Applied:
        """Fence, route, read back."""
        began = time.perf_counter()
        intent = plan.intent
        with self._fence.turn(intent.policy_uid):
            self._fence.check(intent)
            self._fence.remember(plan)
            self._step("before-route")
            entry = {
                "path": intent.to_uplink.path_key,
                "generation": intent.generation,
                "epoch": intent.lease_epoch,
                "text": plan.text(),
            }
            self._kernel.replace(intent.policy_uid, entry)
            self._step("after-route")
            verified = self._kernel.entry(intent.policy_uid) == entry
            self._step("after-read-back")
        return Applied(verified, (time.perf_counter() - began) * 1000.0, plan.text())

    def observe(self, policy_uid: str) -> Observed | None:
        """What the files say."""
        if not self._kernel.has(policy_uid):
            return None
        entry = self._kernel.entry(policy_uid)
        passed = self._fence.passed(policy_uid)
        changes: tuple[Change, ...] = ()
        if passed is not None and entry["path"] == passed.path_key:
            changes = passed.changes
        return Observed(entry["path"], entry["generation"], entry["epoch"], changes)

    def remove(self, policy_uid: str) -> Applied:
        """Take the policy's route away."""
        self._kernel.delete(policy_uid)
        self._fence.forget(policy_uid)
        return Applied(verified=True, duration_ms=0.0, detail="removed")

    def check(self, proposal: Proposal) -> list[Problem]:
        """A file carries everything."""
        return []
