"""Scoring in one thread of the main process, for runtimes of which a machine has one: a GPU.

A worker process reads films straight into its slot of shared memory, asks for their scores over a pipe of its own
(a Door), and goes on as if it had run the network itself. The thread behind the doors alone owns the runtime and
every CUDA object; with a runtime of several lanes one slot's copy overlaps the computing of another.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import wait
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np

from ..errors import DeviceLost, EngineError
from ..network.manifest import Manifest
from ..runtime.protocol import Closing, LaneRuntime
from .answers import Lie, recv_within

PAGE = 4096  #: slots begin at pages, so that they can be locked for the GPU
LOST = "the GPU stopped answering: run again to carry on"


@dataclass(frozen=True)
class Slot:
    """Where in the shared memory a worker's films go."""

    memory: str
    number: int
    films: int
    height: int
    width: int

    @property
    def stride(self) -> int:
        """Bytes from one slot to the next."""
        return -(-self.films * self.height * self.width // PAGE) * PAGE

    def view(self, memory: SharedMemory) -> np.ndarray:
        """uint8 [films, height, width, 1]."""
        shape = (self.films, self.height, self.width, 1)
        return np.ndarray(shape, np.uint8, memory.buf, self.number * self.stride)


@dataclass(frozen=True)
class Door:
    """What a new worker process is given; it travels only in the arguments of a process that is being started."""

    connection: Any  #: multiprocessing's Connection; on Windows a PipeConnection
    slot: Slot
    manifest: str  #: JSON
    description: str
    sha256: str  #: of the engine that was loaded

    def open(self) -> "RemoteRuntime":
        return RemoteRuntime(self)


class RemoteRuntime(Closing):
    """The Runtime of a worker process whose network runs in the main process."""

    def __init__(self, door: Door) -> None:
        self.manifest = Manifest.from_json(door.manifest)
        self.description = door.description
        self.sha256 = door.sha256
        self._connection = door.connection
        self._memory = SharedMemory(door.slot.memory)
        self._slot = door.slot.view(self._memory)

    def close(self) -> None:
        """The scoring thread hears of it and gives the slot to another. Whoever has a `room` must not use it again."""
        self._connection.close()

    def room(self, films: int) -> np.ndarray:
        """uint8 [films, height, width, 1] to read films into: where a slot is enough, `outputs` copies nothing."""
        return self._slot[:films] if films <= len(self._slot) else np.empty((films, *self._slot.shape[1:]), np.uint8)

    def run(self, pictures: np.ndarray) -> np.ndarray:
        return self.outputs(pictures)["logits"]

    def outputs(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """See Runtime. Raises EngineError for this batch, DeviceLost for all."""
        parts = []
        for start in range(0, len(pictures), len(self._slot)):
            part = pictures[start : start + len(self._slot)]
            if not np.shares_memory(part, self._slot[: len(part)]):
                self._slot[: len(part)] = part
            try:
                self._connection.send_bytes(len(part).to_bytes(4, "little"))
                answer = self._connection.recv()
            except (EOFError, OSError):
                raise DeviceLost(LOST) from None
            if isinstance(answer, EngineError):
                raise answer
            parts.append(answer)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Scorer:
    """Owns slots and thread. Use as a context manager, around the pool whose workers use its doors.

    open_runtime: called in the thread, so that the runtime and all of CUDA belong to it.
    workers: how many doors are open at once. Raises EngineError from `__enter__` when the runtime cannot be opened.
    """

    def __init__(self, open_runtime: Callable[[], LaneRuntime], workers: int, films: int) -> None:
        self._open = open_runtime
        self._films = films
        self._slots = 2 * workers + 2  # a dead worker's slot comes back a moment after its successor starts
        self._opened: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._new: queue.SimpleQueue[tuple[Any, int] | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._bell, self._bell_button = Pipe(duplex=False)
        self._thread = threading.Thread(target=self._main, name="scoring", daemon=True)
        self._memory: SharedMemory | None = None
        self._manifest = ""
        self._description = self._sha256 = ""
        self._size = (0, 0)

    def __enter__(self) -> "Scorer":
        self._thread.start()
        if (error := self._opened.get()) is not None:
            self._end()
            raise error
        return self

    def __exit__(self, *_: object) -> None:
        self._new.put(None)
        self._ring()
        self._end()

    def door(self) -> Door:
        """For one worker process. Close its `connection` here once the process has been started."""
        here, there = Pipe()
        number = self._free.get(timeout=30)
        assert self._memory is not None
        self._new.put((here, number))
        self._ring()
        slot = Slot(self._memory.name, number, self._films, *self._size)
        return Door(there, slot, self._manifest, self._description, self._sha256)

    def _ring(self) -> None:
        try:
            self._bell_button.send_bytes(b"!")
        except OSError:
            pass  # the thread has ended: the device is lost, and workers hear of it from their closed doors

    def _end(self) -> None:
        self._thread.join()
        self._bell.close()
        self._bell_button.close()
        if self._memory is not None:
            self._memory.close()
            self._memory.unlink()

    # --- the thread ----------------------------------------------------------------------------------

    def _main(self) -> None:
        opened = False
        try:
            with self._open() as runtime:
                self._prepare(runtime)
                opened = True
                self._opened.put(None)
                loop = _Loop(runtime, self._bell, self._new, self._free, self._slot)
                try:
                    loop.run()
                finally:
                    loop.hang_up()
        except BaseException as error:  # raised again in the thread that waits for it
            if opened:
                raise
            self._opened.put(error)

    def _prepare(self, runtime: LaneRuntime) -> None:
        spec = runtime.manifest.input
        self._manifest, self._description = runtime.manifest.to_json(), runtime.description
        self._sha256 = runtime.sha256
        self._size = (spec.height, spec.width)
        self._films = min(self._films, runtime.largest)
        size = self._slots * Slot("", 0, self._films, spec.height, spec.width).stride
        try:
            self._memory = SharedMemory(create=True, size=size)
        except OSError:
            raise EngineError("no shared memory left for films on their way to the GPU: check /dev/shm") from None
        runtime.pin(np.ndarray(size, np.uint8, self._memory.buf))
        for number in range(self._slots):
            self._free.put(number)

    def _slot(self, number: int) -> np.ndarray:
        """The slot's pictures, as the thread sees them."""
        assert self._memory is not None
        return Slot("", number, self._films, *self._size).view(self._memory)


class _Loop:
    """The thread's work: takes requests from doors, keeps the lanes busy, answers in order."""

    def __init__(
        self,
        runtime: LaneRuntime,
        bell: Any,  # as Door.connection
        new: "queue.SimpleQueue[tuple[Any, int] | None]",
        free: "queue.SimpleQueue[int]",
        slot: Callable[[int], np.ndarray],
    ) -> None:
        self._runtime, self._bell, self._new, self._free, self._slot = runtime, bell, new, free, slot
        self._doors: dict[Any, int] = {}  # -> slot number
        self._lanes = deque(range(runtime.lanes))
        self._at_work: deque[tuple[Any, int]] = deque()  # oldest first

    def run(self) -> None:
        while True:
            ready = []
            if self._lanes:  # with nothing at work, wait for a request; else only look
                handles = [self._bell, *self._doors]
                ready = wait(handles, 0 if self._at_work else None)
            for handle in ready:
                if handle is self._bell:
                    if not self._welcome():
                        return
                elif self._lanes and not self._take(handle):
                    return
            if self._at_work and (not ready or not self._lanes) and not self._answer():
                return

    def hang_up(self) -> None:
        """Workers that ask from now on hear that the device is gone."""
        for connection in self._doors:
            connection.close()
        self._doors.clear()

    def _welcome(self) -> bool:
        """New doors; False when the run is over."""
        self._bell.recv_bytes()
        new = self._new.get()
        if new is None:
            return False
        self._doors[new[0]] = new[1]
        return True

    def _take(self, door: Any) -> bool:
        """Start what a worker asks for; False when the device is lost."""
        try:
            films = int.from_bytes(recv_within(door, 4), "little")  # never unpickled: a worker reads what others made
        except (EOFError, OSError, Lie):  # the worker has ended: its slot is free once no lane reads from it
            while any(at is door for at, _ in self._at_work):
                if not self._answer():
                    return False
            self._free.put(self._doors.pop(door))
            door.close()
            return True
        lane = self._lanes.popleft()
        try:
            self._runtime.start(lane, self._pictures(door)[: max(1, films)])
        except EngineError as error:
            self._lanes.append(lane)
            return self._tell(door, error)
        self._at_work.append((door, lane))
        return True

    def _answer(self) -> bool:
        """Wait for the oldest work and answer it; False when the device is lost."""
        door, lane = self._at_work.popleft()
        self._lanes.append(lane)
        try:
            outputs = self._runtime.finish(lane)
        except EngineError as error:
            return self._tell(door, error)
        return self._tell(door, outputs)

    def _tell(self, door: Any, answer: dict[str, np.ndarray] | EngineError) -> bool:
        lost = isinstance(answer, DeviceLost)
        for connection in self._doors if lost else (door,):
            try:
                connection.send(answer)
            except OSError:
                pass  # that worker has ended; the next look at its door finds out
        return not lost

    def _pictures(self, door: Any) -> np.ndarray:
        return self._slot(self._doors[door])
