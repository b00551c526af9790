"""A strict stand-in for `tensorrt`, `tensorrt_rtx`, pycuda.driver and the CUDA driver: a state machine of their rules.

It refuses what the real ones refuse, and what they leave undefined: a capture while a shape is pending, a replay after
its context's shape or addresses changed, a relaxed capture, work on what is closed, memory freed too early or after its
context, anything left at the end. A broken rule is raised and kept in `Driver.broken_rules`, so that nobody can swallow
it. With `fail_at` the nth call fails as the real one would. It proves nothing of a GPU's arithmetic.

Rules are those of NVIDIA's documentation: CUDA Driver API (stream capture, graph memory), TensorRT Developer Guide
("CUDA graphs", "Working with dynamic shapes"), TensorRT for RTX ("CUDA graphs", "Runtime cache"). That names and
arguments are the real ones' is held by test_bindings.py.
"""

import ctypes
import threading
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...calibration.networks import SIDE


class RuleBroken(AssertionError):
    pass


class Driver:
    """pycuda.driver and the driver's own library, as far as xscan.engine.runtime.cuda uses them.

    Copies and computing happen when a stream is waited for.
    """

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fail_at = 0  #: the number of the call that fails; 0: none
        self.lost = False
        self.broken_rules: list[str] = []
        self.stack: list[int] = []  # threads with the context pushed
        self.pushed = self.detached = 0
        self.memory: dict[int, np.ndarray] = {}
        self.streams: dict[int, Any] = {}
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

            def synchronize(self) -> None:
                driver.check()
                if self.captured is not None:
                    driver.rule("synchronised while capturing")
                if driver.due("synchronize") or driver.lost:
                    self.queue.clear()
                    raise driver.Error("cuStreamSynchronize failed: unspecified launch failure")
                for _, work in self.queue:
                    work()
                self.queue.clear()

            def __del__(self) -> None:
                if hasattr(self, "handle"):
                    driver.gone("stream")
                    driver.streams.pop(self.handle, None)

        self.Context, self.Stream = Context, Stream

    # --- what the tests ask --------------------------------------------------------------------------

    def rule(self, what: str) -> None:
        self.broken_rules.append(what)
        raise RuleBroken(what)

    def number(self) -> int:
        self._next += 0x1000
        return self._next

    def due(self, name: str) -> bool:
        self.calls.append(name)
        return len(self.calls) == self.fail_at

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
        assert self.broken_rules == []
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
                if any(address in used for s in driver.streams.values() for used, _ in s.queue):
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
        return np.frombuffer(raw, dtype).reshape(shape)

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

    # --- the driver's own library ---------------------------------------------------------------------

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


class Bound:
    """An object of a binding: takes no attribute that the real one lacks, and counts as alive."""

    _settable: tuple[str, ...] = ()

    def __init__(self, driver: Driver) -> None:
        object.__setattr__(self, "_driver", driver)
        driver.objects += 1
        weakref.finalize(self, self._freed, driver, type(self).__name__)

    @staticmethod
    def _freed(driver: Driver, name: str) -> None:
        driver.gone(name)
        driver.objects -= 1

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name not in self._settable:
            raise AttributeError(name)
        object.__setattr__(self, name, value)


class IExecutionContext(Bound):
    _settable = ("nvtx_verbosity",)

    def __init__(self, engine: "ICudaEngine", config: Any) -> None:
        super().__init__(engine._driver)
        self._engine, self._config = engine, config
        self._shape: tuple[int, ...] = ()
        self._changes = 0
        self._addresses: dict[str, int] = {}
        self._ran_at = -1

    def state(self) -> tuple[Any, ...]:
        return self._changes, tuple(sorted(self._addresses.items()))

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        driver, trt = self._driver, self._engine._trt
        driver.check()
        assert isinstance(shape, tuple)
        if driver.due("set_input_shape") or not 1 <= shape[0] <= trt.largest:
            return False
        if self._shape != shape:
            self._shape, self._changes = shape, self._changes + 1
        trt.shapes.append(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if not self._shape:
            return (-1, 3) if name == "logits" else (-1, SIDE, SIDE, 1)
        return (self._shape[0], 3)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if self._driver.due("set_tensor_address"):
            return False
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        driver = self._driver
        driver.check()
        stream = driver.streams.get(stream_handle)
        if stream is None:
            driver.rule("work on a stream that is closed")
        if not self._shape or set(self._addresses) != {"pixels", "logits"}:
            driver.rule("a network run without a shape, or without memory")
        if not set(self._addresses.values()) <= set(driver.memory):
            driver.rule("a network run on memory that is freed")
        if driver.due("execute_async_v3" if stream.captured is None else "execute in a capture"):
            self._engine._trt.say("enqueueV3: an illegal memory access was encountered")
            return False
        if stream.captured is None:
            self._ran_at = self._changes
            self._engine._trt.ran.append(self._shape[0])
            stream.queue.append(self.work())
            return True
        if self._config is not None:
            driver.rule("a capture of ours where TensorRT for RTX captures itself")
        if self._ran_at != self._changes:
            driver.rule("a capture while a change of shape is pending: one plain run must come before")
        stream.captured.append((weakref.ref(self), self.state()))
        return True

    def work(self) -> tuple[set[int], Any]:
        memory, films = self._driver.memory, self._shape[0]
        pixels_at, logits_at = self._addresses["pixels"], self._addresses["logits"]

        def run() -> None:
            pixels = memory[pixels_at][: films * SIDE * SIDE].reshape(films, -1)
            logits = pixels.mean(axis=1, dtype=np.float64)[:, None] + np.arange(3)
            data = logits.astype(np.float32).view(np.uint8).ravel()
            memory[logits_at][: len(data)] = data

        return {pixels_at, logits_at}, run


class EngineInspector(Bound):
    def get_engine_information(self, format: Any) -> str:
        return '{"Layers": [{"Name": "stem", "Outputs": [{"Name": "a", "Format/Datatype": "Int8"}]}, "more"]}'


class IRuntimeCache(Bound):
    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self._kernels = b""

    def serialize(self) -> bytes:
        if self._driver.due("cache serialize"):
            raise RuntimeError("no")
        return b"kernels"

    def deserialize(self, blob: bytes) -> bool:
        self._kernels = blob
        return not self._driver.due("cache deserialize") and blob == b"kernels"

    def reset(self) -> bool:
        self._kernels = b""
        return True


class IRuntimeConfig(Bound):
    _settable = ("cuda_graph_strategy", "dynamic_shapes_kernel_specialization_strategy")

    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.cuda_graph_strategy, self.dynamic_shapes_kernel_specialization_strategy = "DISABLED", "LAZY"
        self._cache: Any = None

    def create_runtime_cache(self) -> IRuntimeCache:
        return IRuntimeCache(self._driver)

    def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
        self._cache = cache
        return True


class ICudaEngine(Bound):
    num_io_tensors = 2

    def __init__(self, trt: "TensorRt") -> None:
        super().__init__(trt.driver)
        self._trt = trt

    def get_tensor_name(self, index: int) -> str:
        return ("pixels", "logits")[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == "pixels" else "out"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, SIDE, SIDE, 1) if name == "pixels" else (-1, 3)

    def get_tensor_dtype(self, name: str) -> Any:
        return np.uint8 if name == "pixels" else np.float32

    def create_engine_inspector(self) -> EngineInspector:
        return EngineInspector(self._driver)

    def create_runtime_config(self) -> IRuntimeConfig:
        if self._trt.__name__ != "tensorrt_rtx":
            raise AttributeError("create_runtime_config")
        return IRuntimeConfig(self._driver)

    def create_execution_context(self, runtime_config: Any = None) -> IExecutionContext | None:
        self._driver.check()
        if self._trt.__name__ == "tensorrt_rtx":
            told = runtime_config and (
                runtime_config.cuda_graph_strategy, runtime_config.dynamic_shapes_kernel_specialization_strategy
            )  # fmt: skip
            if told != ("WHOLE_GRAPH_CAPTURE", "EAGER") or runtime_config._cache is None:
                self._driver.rule("a context of TensorRT for RTX without its runtime configuration")
        if self._driver.due("create_execution_context"):
            return None
        return IExecutionContext(self, runtime_config)


class Runtime(Bound):
    _settable = ("engine_host_code_allowed",)

    def __init__(self, trt: "TensorRt", logger: Any) -> None:
        super().__init__(trt.driver)
        trt.driver.check()
        self._trt, trt.log = trt, logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        self._driver.check()
        self._trt.plans.append(serialized_engine)
        if self._trt.refuse or self._driver.due("deserialize_cuda_engine"):
            self._trt.say("the plan was made for another device\nmore lines")
            return None
        return ICudaEngine(self._trt)


class TensorRt:
    """`tensorrt` or `tensorrt_rtx`, with an engine whose logits are each film's mean, plus 0, 1 and 2."""

    __version__ = "11.4.0"

    class ILogger:
        ERROR, INTERNAL_ERROR, WARNING = range(3)

        def __init__(self) -> None:
            pass

    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")
    LayerInformationFormat = SimpleNamespace(JSON="json")
    ProfilingVerbosity = SimpleNamespace(NONE="NONE")

    def __init__(self, driver: Driver, largest: int, refuse: bool = False, name: str = "tensorrt") -> None:
        self.__name__ = name
        self.driver, self.largest, self.refuse = driver, largest, refuse
        self.plans: list[bytes] = []
        self.shapes: list[tuple[int, ...]] = []
        self.ran: list[int] = []  # batch sizes, plainly: not from a graph
        self.log: Any = None
        if name == "tensorrt_rtx":
            self.CudaGraphStrategy = SimpleNamespace(WHOLE_GRAPH_CAPTURE="WHOLE_GRAPH_CAPTURE")
            self.DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="EAGER")

    def Runtime(self, logger: Any) -> Runtime:
        return Runtime(self, logger)

    def say(self, text: str) -> None:
        self.log.log(TensorRt.ILogger.ERROR, text)

    @staticmethod
    def nptype(dtype: Any) -> Any:
        return dtype
