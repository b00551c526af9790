"""pycuda.driver and the CUDA driver's own library, as a state machine of their rules. See the package."""

import ctypes
import threading
import weakref
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np


class RuleBroken(AssertionError):
    pass


SUCCESS, NO_DEVICE = 0, 100  #: CUresult
NAME = b"NVIDIA Stand-In RTX"


class Driver:
    """pycuda.driver and the driver's own library, as far as xscan uses them.

    Copies and computing happen when a stream is waited for.
    """

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fail_at = 0  #: the number of the call that fails; 0: none
        self.fail_first = ""  #: the first call of this name fails
        self.name, self.compute_capability, self.version = NAME, (8, 9), 13000
        self.lost = False
        self.broken_rules: list[str] = []
        self.stack: list[int] = []  # threads with the context pushed
        self.pushed = self.detached = 0
        self.memory: dict[int, np.ndarray] = {}
        self.streams: dict[int, Any] = {}
        self.queues: dict[int, list[Any]] = {}  # of streams: what is under way
        self.graphs: dict[int, list[Any]] = {}
        self.ready: dict[int, list[Any]] = {}
        self.pinned = 0
        self.registered: set[int] = set()
        self.objects = 0  # of TensorRT that are alive
        self._next = 0x1000
        driver = self

        class Context:
            def push(self) -> None:
                driver.step("push")
                driver.stack.append(threading.get_ident())
                driver.pushed += 1

            @staticmethod
            def pop() -> None:
                driver.step("pop", fails=False)
                driver.check()
                driver.stack.pop()
                driver.leaves_nothing()

            def detach(self) -> None:
                driver.step("detach", fails=False)
                driver.detached += 1

        class Stream:
            def __init__(self, flags: int = 0) -> None:
                driver.step("stream")
                driver.check()
                if flags != 1:
                    driver.rule("a stream that waits for the default stream")
                self.handle, self.queue, self.captured = driver.number(), [], None
                driver.streams[self.handle] = weakref.proxy(self)
                driver.queues[self.handle] = self.queue

            def synchronize(self) -> None:
                driver.check()
                if self.captured is not None:
                    driver.rule("synchronised while capturing")
                if driver.due("synchronize") or driver.lost:
                    self.queue.clear()
                    raise driver.Error("cuStreamSynchronize failed: unspecified launch failure")
                for _, step in self.queue:
                    step()
                self.queue.clear()

            def __del__(self) -> None:
                if hasattr(self, "handle"):
                    driver.gone("stream")
                    driver.streams.pop(self.handle, None)
                    driver.queues.pop(self.handle, None)

        self.Context, self.Stream = Context, Stream

    # --- what the tests ask --------------------------------------------------------------------------

    def rule(self, what: str) -> NoReturn:
        self.broken_rules.append(what)
        raise RuleBroken(what)

    def number(self) -> int:
        self._next += 0x1000
        return self._next

    def due(self, name: str) -> bool:
        self.calls.append(name)
        first = name == self.fail_first and self.calls.count(name) == 1
        return first or len(self.calls) == self.fail_at

    def step(self, name: str, fails: bool = True) -> None:
        if self.due(name) and fails:
            raise self.Error(f"{name} failed")

    def check(self) -> None:
        if not self.stack or self.stack[-1] != threading.get_ident():
            self.rule("a CUDA call without a context on this thread")

    def gone(self, what: str) -> None:
        """Something of the context is freed; never raised, since it happens in a destructor."""
        if not self.stack:
            self.broken_rules.append(f"a {what} freed after its context")

    def leaves_nothing(self) -> None:
        left = {
            "device memory": len(self.memory), "streams": len(self.streams), "graphs": len(self.graphs),
            "executable graphs": len(self.ready), "page-locked arrays": self.pinned, "registered": len(self.registered),
            "TensorRT objects": self.objects,
        }  # fmt: skip
        if kept := {name: number for name, number in left.items() if number}:
            self.broken_rules.append(f"the context goes and leaves {kept}")

    def assert_clean(self) -> None:
        """After everything is closed: nothing pushed (pycuda would abort the process), no rule broken."""
        assert self.broken_rules == [], (self.broken_rules, self.calls[-30:])
        assert self.stack == []
        assert self.detached == self.pushed

    # --- pycuda.driver -------------------------------------------------------------------------------

    def init(self) -> None:
        self.step("init")

    def Device(self, number: int) -> SimpleNamespace:
        def retain() -> Any:
            self.step("retain")
            return self.Context()

        return SimpleNamespace(retain_primary_context=retain)

    def mem_alloc(self, size: int) -> Any:
        self.check()
        if self.due("mem_alloc"):
            raise self.MemoryError("cuMemAlloc failed: out of memory")
        driver, address = self, self.number()
        self.memory[address] = np.zeros(size, np.uint8)

        class Allocation:
            def __int__(self) -> int:
                return address

            def __del__(self) -> None:
                driver.gone("buffer")
                if any(address in used for queue in driver.queues.values() for used, _ in queue):
                    driver.broken_rules.append("a buffer freed while work on it is under way")
                driver.memory.pop(address, None)

        return Allocation()

    def pagelocked_empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self.check()
        self.step("pagelocked_empty")
        raw = (ctypes.c_uint8 * int(np.prod(shape) * np.dtype(dtype).itemsize))()
        self.pinned += 1

        def freed() -> None:
            self.gone("page-locked array")
            self.pinned -= 1

        weakref.finalize(raw, freed)
        return np.frombuffer(memoryview(raw), dtype).reshape(shape)

    def memcpy_htod_async(self, target: Any, source: np.ndarray, stream: Any) -> None:
        self._may_copy(source, stream, "memcpy_htod_async")
        data = source.view(np.uint8).ravel()  # not copied yet: the caller must leave it alone
        stream.queue.append(({int(target)}, lambda: self.memory[int(target)].__setitem__(slice(len(data)), data)))

    def memcpy_dtoh_async(self, target: np.ndarray, source: Any, stream: Any) -> None:
        self._may_copy(target, stream, "memcpy_dtoh_async")

        def copy() -> None:
            target.view(np.uint8).reshape(-1)[...] = self.memory[int(source)][: target.nbytes]

        stream.queue.append(({int(source)}, copy))

    def _may_copy(self, host: np.ndarray, stream: Any, name: str) -> None:
        self.check()
        self.step(name)
        if stream.captured is not None:
            self.rule("a copy on a stream that is capturing")
        if not host.flags.c_contiguous:
            self.rule("a copy of an array that is in pieces")

    # --- the driver's own library: asking what is there (xscan.engine.machine.gpu) -----------------------

    def cuInit(self, flags: int) -> int:
        return NO_DEVICE if self.due("cuInit") else SUCCESS

    def cuDeviceGetCount(self, count: Any) -> int:
        return self._tell("cuDeviceGetCount", count, 1)

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:
        return self._tell("cuDeviceGet", device, 0)

    def cuDeviceGetAttribute(self, value: Any, which: int, device: Any) -> int:
        return self._tell("cuDeviceGetAttribute", value, self.compute_capability[which - 75])

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        if self.due("cuDeviceGetName"):
            return NO_DEVICE
        name.value = self.name
        return SUCCESS

    def cuDeviceTotalMem_v2(self, size: Any, device: Any) -> int:
        return self._tell("cuDeviceTotalMem", size, 20 << 30)

    def cuDriverGetVersion(self, version: Any) -> int:
        return self._tell("cuDriverGetVersion", version, self.version)

    def _tell(self, name: str, where: Any, value: int) -> int:
        if self.due(name):
            return NO_DEVICE
        where._obj.value = value
        return SUCCESS

    # --- the driver's own library: memory and graphs ---------------------------------------------------

    def cuMemHostRegister_v2(self, address: Any, size: Any, flags: int) -> int:
        self.check()
        if self.due("register"):
            return 1
        self.registered.add(address.value)
        return 0

    def cuMemHostUnregister(self, address: Any) -> int:
        self.check()
        self.due("unregister")
        self.registered.discard(address.value)
        return 0

    def cuStreamBeginCapture_v2(self, handle: Any, mode: int) -> int:
        self.check()
        if mode != 1:
            self.rule("a capture that is not THREAD_LOCAL")
        if self.due("begin capture"):
            return 1
        stream = self.streams[handle.value]
        if stream.captured is not None:
            self.rule("a capture in a capture")
        stream.captured = []
        return 0

    def cuStreamEndCapture(self, handle: Any, graph: Any) -> int:
        self.check()
        stream = self.streams[handle.value]
        if stream.captured is None:
            self.rule("the end of a capture that was not begun")
        captured, stream.captured = stream.captured, None
        if self.due("end capture"):
            return 1
        graph._obj.value = self.number()
        self.graphs[graph._obj.value] = captured
        return 0

    def cuGraphInstantiateWithFlags(self, ready: Any, graph: Any, flags: Any) -> int:
        self.check()
        if self.due("instantiate"):
            return 1
        if graph.value not in self.graphs:
            self.rule("a graph that was destroyed is instantiated")
        ready._obj.value = self.number()
        self.ready[ready._obj.value] = list(self.graphs[graph.value])
        return 0

    def cuGraphDestroy(self, graph: Any) -> int:
        self.due("graph destroy")
        if self.graphs.pop(graph.value, None) is None:
            self.rule("a graph destroyed twice")
        return 0

    def cuGraphLaunch(self, ready: Any, handle: Any) -> int:
        self.check()
        if ready.value not in self.ready:
            self.rule("a graph launched that was destroyed")
        if self.due("graph launch"):
            return 1
        stream = self.streams[handle.value]
        for context, state in self.ready[ready.value]:
            if context() is None or context().state() != state:
                self.rule("a graph replayed whose context has changed since")
            stream.queue.append(context().work())
        return 0

    def cuGraphExecDestroy(self, ready: Any) -> int:
        self.check()
        self.due("exec destroy")
        if self.ready.pop(ready.value, None) is None:
            self.rule("an executable graph destroyed twice")
        return 0
