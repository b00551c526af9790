"""The scan: blocks of the inventory to actors, their rows to parts; whatever ends an actor, a block is given again.

Ray has retries and a pool of actors of its own. They are not used: exactly one row a file follows from the parts'
names, and who is to blame for a death is decided in one place.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ClusterGone, EngineError, StorageError, UsageError, XscanError
from ..find.found import Found
from ..lists.table import Row
from .cluster import AGAIN, GONE, Cluster
from .scanner import Scanner, versions

BLOCKS_AN_ACTOR = 2  #: one in work, one waiting, so that no actor idles while a part is written
LOOK_S = 5.0  #: between two looks at which machines there are
TICK_S = 0.5
LEFT_S = 600.0  #: that a cluster may be without any machine
LACKS = "a node has no xscan, or lacks a package of it: install the same on every node"
DEATHS = 8  #: of actors, for each one wanted, without a block done in between, before the run is given up
_ERRORS = {kind.__name__: kind for kind in (UsageError, StorageError, EngineError)}


@dataclass(frozen=True)
class Scanned:
    """A block's rows."""

    number: int
    rows: list[Row]
    seconds: dict[str, float]  #: by stage


@dataclass(eq=False)
class _Actor:
    handle: Any
    opening: Any  #: the answer of `ready` to come; None once it is here
    work: deque[tuple[int, Any]] = field(default_factory=deque)  #: block and answer to come, in order


class Scan:
    """Use `run` once. numbers: of the blocks to scan, in order. files: a block's files, by its number.

    engine: sha256 that every node's must have. most: actors at most; 0: as many as there is room for.
    """

    def __init__(
        self,
        cluster: Cluster,
        arguments: tuple[Any, ...],
        numbers: Iterator[int],
        files: Callable[[int], list[Found]],
        engine: str,
        most: int = 0,
    ) -> None:
        self._cluster = cluster
        self._arguments = arguments
        self._numbers = numbers
        self._files = files
        self._expected = versions() | {"engine": engine}
        self._most = most
        self._actors: list[_Actor] = []
        self._again: deque[int] = deque()  #: blocks of actors that ended
        self._next: int | None = None
        self._looked = 0.0
        self._up = time.monotonic()  #: when there was a machine last
        self._wanted = 0
        self._deaths = 0  #: in a row
        self.lost = 0  #: actors
        self.runtime = ""  #: what the first node runs the network on
        self.seconds: Counter[str] = Counter()

    @property
    def actors(self) -> int:
        """Those that are at work."""
        return sum(actor.opening is None for actor in self._actors)

    def run(self, stop: Callable[[], bool], idle: Callable[[], None] = lambda: None) -> Iterator[Scanned]:
        """Yield blocks as they are done, in no order, until all are, or `stop` says so.

        idle: called twice a second. Raises StorageError, EngineError, UsageError and XscanError; actors end with it.
        """
        is_up = True
        try:
            while not stop():
                self._look()
                self._give()
                waiting = {actor.opening or actor.work[0][1]: actor for actor in self._actors if self._awaits(actor)}
                if not waiting and not self._has_more():
                    return
                for reference in self._wait(list(waiting)):
                    if (scanned := self._take(waiting[reference], reference)) is not None:
                        self._deaths = 0
                        yield scanned
                idle()
        except ClusterGone:
            is_up = False  # it would wait for an answer
            raise
        finally:
            for actor in self._actors if is_up else ():
                self._cluster.kill(actor.handle)

    def _awaits(self, actor: _Actor) -> bool:
        return bool(actor.work) or (actor.opening is not None and self._has_more())

    def _has_more(self) -> bool:
        if self._next is None:
            self._next = next(self._numbers, None)
        return bool(self._again) or self._next is not None

    def _look(self) -> None:
        """Start actors where machines have room for them: at the start, after a death, where a machine came back."""
        now = time.monotonic()
        if now - self._looked > LOOK_S or len(self._actors) < self._wanted:
            self._looked = now
            room = self._cluster.room
            self._wanted = min(room, self._most) if self._most else room
            if room:
                self._up = now
            elif not self._actors and not self.lost:
                raise UsageError("no machine of the cluster has room for an actor: give a smaller --actor-cpus")
            elif now - self._up > LEFT_S:
                raise ClusterGone("no machine of the cluster is left: " + AGAIN)
        while len(self._actors) < self._wanted and self._has_more():
            handle = self._cluster.start(Scanner, *self._arguments)
            self._actors.append(_Actor(handle, handle.ready.remote()))

    def _give(self) -> None:
        for actor in sorted(self._actors, key=lambda actor: len(actor.work)):
            while actor.opening is None and len(actor.work) < BLOCKS_AN_ACTOR and self._has_more():
                if self._again:
                    number = self._again.popleft()
                else:
                    assert self._next is not None
                    number, self._next = self._next, None
                actor.work.append((number, actor.handle.scan.remote(self._files(number))))

    def _wait(self, references: list[Any]) -> list[Any]:
        if not references:
            time.sleep(TICK_S)
            return []
        try:
            ready, _ = self._cluster.ray.wait(references, num_returns=1, timeout=TICK_S)
        except Exception:
            raise ClusterGone(GONE) from None
        return ready

    def _take(self, actor: _Actor, reference: Any) -> Scanned | None:
        """An answer, or what became of its actor. Raises what no other actor would be spared."""
        try:
            answer: Mapping[str, Any] = self._cluster.ray.get(reference)
        except Exception as error:  # it was killed, its node has gone, or Ray lost the answer
            if "ModuleNotFoundError" in str(error):
                raise UsageError(LACKS) from None
            self._bury(actor, type(error).__name__)  # no more of it: a library's text can hold a path
            return None
        if "error" in answer:
            if answer["final"]:
                raise _ERRORS.get(answer["kind"], EngineError)(answer["error"])
            self._bury(actor, answer["error"])
            return None
        if actor.opening is not None:
            self._require_same(answer)
            actor.opening, self.runtime = None, self.runtime or answer["runtime"]
            return None
        number, _ = actor.work.popleft()
        self.seconds.update(answer["seconds"])
        return Scanned(number, [Row(*cells) for cells in answer["rows"]], answer["seconds"])

    def _require_same(self, said: Mapping[str, str]) -> None:
        """Raise UsageError or EngineError where a node would make other rows than this one."""
        if said["engine"] != self._expected["engine"]:
            raise EngineError(
                f"node {said['node']} has another engine under the same name: copy one file to every node"
            )
        for what, here in self._expected.items():
            if said[what] != here:
                name, there = ("code of xscan", "other") if what == "code" else (what, said[what])
                raise UsageError(
                    f"node {said['node']} has {there} {name}, this machine {'its own' if what == 'code' else here}: "
                    "install the same on every node"
                )

    def _bury(self, actor: _Actor, why: str) -> None:
        self._actors.remove(actor)
        self._cluster.kill(actor.handle)
        self._again.extendleft(number for number, _ in reversed(actor.work))
        self.lost += 1
        self._deaths += 1
        if self._deaths > DEATHS * max(1, self._wanted):
            raise XscanError(f"actors end again and again, and no block is done ({why}): run xscan doctor on the nodes")
