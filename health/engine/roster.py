"""Which paths are measured: takes edits over as a difference, a few paths a turn.

Ten thousand paths can't be made or compared within one turn without a gap for
the others; so what can be worked out ahead is done in the thread that brings the
edit (``Wanted``), and the rest in slices. Unchanged paths are not touched at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from health.domain.destination_cap import stretches
from health.domain.path_spec import PathSpec
from health.engine.lanes import Lanes
from health.engine.pacer import Pacer
from health.engine.path_monitor import PathMonitor
from health.engine.resolver import NameQuery, NameResolver
from health.engine.target_monitor import TargetMonitor
from health.probers.resolve import is_literal

SLICE = 50
"""Paths taken over per turn: a few milliseconds' work."""

Destination = tuple[str, str, int | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A whole configuration, with what follows from all paths together.

    ``stretches`` by target key; ``shared`` lists the (path key, target key) pairs of
    each destination that several paths lead to; ``names`` are those to be resolved, each
    with the uplink to ask over.
    """

    specs: dict[int, PathSpec]
    stretches: dict[int, float]
    shared: dict[Destination, list[tuple[int, int]]]
    names: frozenset[NameQuery]

    @classmethod
    def of(cls, specs: Iterable[PathSpec]) -> Wanted:
        """Work it out; costs milliseconds for thousands of paths, in the caller's thread."""
        by_key = {spec.key: spec for spec in specs}
        users: dict[Destination, list[tuple[int, int]]] = defaultdict(list)
        for spec in by_key.values():
            for target in spec.targets:
                users[spec.kind, target.address, target.port].append((spec.key, target.key))
        shared = {destination: pairs for destination, pairs in users.items() if len(pairs) > 1}
        names = frozenset(
            NameQuery(target.address, spec.uplink)
            for spec in by_key.values()
            for target in spec.targets
            if not is_literal(target.address)
        )
        return cls(by_key, stretches(by_key.values()), shared, names)


class Roster:
    """The paths under measurement by key. ``forgotten`` is called for each that goes."""

    def __init__(
        self,
        pacer: Pacer[TargetMonitor],
        lanes: Lanes,
        resolver: NameResolver | None,
        restore: Callable[[PathMonitor], None],
        forgotten: Callable[[int], None],
    ) -> None:
        self.paths: dict[int, PathMonitor] = {}
        self.shared: dict[Destination, list[tuple[int, int]]] = {}
        self._pacer = pacer
        self._lanes = lanes
        self._resolver = resolver
        self._restore = restore
        self._forgotten = forgotten
        self._wanted: Wanted | None = None
        self._left: Iterator[PathSpec] = iter(())

    @property
    def is_busy(self) -> bool:
        """True while an edit is being taken over."""
        return self._wanted is not None

    def want(self, wanted: Wanted) -> None:
        """Measure exactly these paths; one that is still being taken over is dropped."""
        for key in self.paths.keys() - wanted.specs.keys():
            self._retire(self.paths.pop(key))
            self._forgotten(key)
        self._wanted = wanted
        self._left = iter(wanted.specs.values())
        if self._resolver is not None:
            self._resolver.want(wanted.names)

    def take_slice(self, now_ns: int) -> None:
        """Take the next few paths over."""
        wanted = self._wanted
        if wanted is None:
            return
        for _ in range(SLICE):
            spec = next(self._left, None)
            if spec is None:
                self.shared, self._wanted = wanted.shared, None
                return
            self._take(spec, wanted.stretches, now_ns)

    def target(self, path_key: int, target_key: int) -> TargetMonitor | None:
        """A target that is being measured, if it is."""
        path = self.paths.get(path_key)
        targets = path.targets if path else []
        return next((one for one in targets if one.target.key == target_key), None)

    def _take(self, spec: PathSpec, factors: dict[int, float], now_ns: int) -> None:
        path = self.paths.get(spec.key)
        if path is None:
            path = self.paths[spec.key] = PathMonitor(spec, now_ns, factors)
            self._restore(path)
            self._schedule(path, now_ns)
            return
        if path.spec is not spec and path.spec != spec:
            before = path.targets
            if path.respecify(spec, factors):
                self._retire_targets(before)
                self._schedule(path, now_ns)
                return
        for target in path.targets:
            target.stretch(factors.get(target.target.key, 1.0))

    def _schedule(self, path: PathMonitor, now_ns: int) -> None:
        for target in path.targets:
            self._pacer.add(target, now_ns)

    def _retire(self, path: PathMonitor) -> None:
        self._retire_targets(path.targets)

    def _retire_targets(self, targets: Iterable[TargetMonitor]) -> None:
        for target in targets:
            target.retired = True
            self._lanes.drop(target)
