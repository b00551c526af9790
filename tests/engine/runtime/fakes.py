"""Stand-ins for pycuda.driver and tensorrt that note every call and check the rules of the real ones.

They prove order, threads, shapes and addresses; nothing about a GPU.
"""

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...calibration.networks import SIDE


class Driver:
    """pycuda.driver and the driver's own library, as far as xscan.engine.runtime.cuda uses them.

    Copies happen when a stream is waited for.
    """

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.memory: dict[int, np.ndarray] = {}
        self.current: int | None = None  # the thread on which the context is pushed
        self.broken = False
        driver = self

        class Context:
            def push(self) -> None:
                driver.current = threading.get_ident()
                driver.calls.append("push")

            @staticmethod
            def pop() -> None:
                driver.check()
                driver.current = None
                driver.calls.append("pop")

            def detach(self) -> None:
                driver.calls.append("detach")

        class Stream:
            def __init__(self) -> None:
                driver.check()
                self.handle = 1000 + len(driver.calls)
                self.queue: list[Any] = []
                driver.calls.append("stream")
                driver.streams[self.handle] = self

            def synchronize(self) -> None:
                driver.check()
                if driver.broken:
                    raise driver.Error("cuStreamSynchronize failed: unspecified launch failure")
                for work in self.queue:
                    work()
                self.queue.clear()

        self.streams: dict[int, Any] = {}
        self.Context, self.Stream = Context, Stream

    def check(self) -> None:
        assert self.current == threading.get_ident(), "a CUDA call without a context on this thread"

    def init(self) -> None:
        self.calls.append("init")

    def Device(self, number: int) -> SimpleNamespace:
        return SimpleNamespace(retain_primary_context=self.Context)

    def mem_alloc(self, size: int) -> Any:
        self.check()
        driver = self
        address = 1 + max(self.memory, default=0)
        self.memory[address] = np.zeros(size, np.uint8)

        class Allocation:
            def __int__(self) -> int:
                return address

            def __del__(self) -> None:
                driver.calls.append("free")
                driver.memory.pop(address, None)

        return Allocation()

    def pagelocked_empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        self.check()
        return np.empty(shape, dtype)

    def cuMemHostRegister_v2(self, *_: Any) -> int:
        self.check()
        self.calls.append("register")
        return 0

    def cuMemHostUnregister(self, *_: Any) -> int:
        self.check()
        self.calls.append("unregister")
        return 0

    def memcpy_htod_async(self, target: Any, source: np.ndarray, stream: Any) -> None:
        assert source.flags.c_contiguous
        data = source.view(np.uint8).ravel()  # not copied yet: the caller must leave it alone
        stream.queue.append(lambda: self.memory[int(target)].__setitem__(slice(len(data)), data))

    def memcpy_dtoh_async(self, target: np.ndarray, source: Any, stream: Any) -> None:
        def copy() -> None:
            target.view(np.uint8).reshape(-1)[...] = self.memory[int(source)][: target.nbytes]

        stream.queue.append(copy)


class TensorRt:
    """`tensorrt`, with an engine whose logits are each film's mean, plus 0, 1 and 2."""

    __name__ = "tensorrt"
    __version__ = "11.4.0"

    class ILogger:
        ERROR, INTERNAL_ERROR, WARNING = range(3)

        def __init__(self) -> None:
            pass

    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")

    def __init__(self, driver: Driver, largest: int, refuse: bool = False) -> None:
        self.driver, self.largest, self.refuse = driver, largest, refuse
        self.plans: list[bytes] = []
        self.shapes: list[tuple[int, ...]] = []
        trt = self

        class Context:
            def __init__(self) -> None:
                self.addresses: dict[str, int] = {}
                self.shape: tuple[int, ...] = ()

            def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
                self.shape = tuple(shape)
                trt.shapes.append(self.shape)
                return shape[0] <= trt.largest

            def get_tensor_shape(self, name: str) -> tuple[int, ...]:
                return (self.shape[0], 3)

            def set_tensor_address(self, name: str, address: int) -> None:
                self.addresses[name] = address

            def execute_async_v3(self, handle: int) -> bool:
                memory, films = trt.driver.memory, self.shape[0]

                def run() -> None:
                    size = films * SIDE * SIDE
                    pixels = memory[self.addresses["pixels"]][:size].reshape(films, -1)
                    logits = pixels.mean(axis=1, dtype=np.float64)[:, None] + np.arange(3)
                    data = logits.astype(np.float32).view(np.uint8).ravel()
                    memory[self.addresses["logits"]][: len(data)] = data

                trt.driver.streams[handle].queue.append(run)
                return True

        class Engine:
            num_io_tensors = 2

            def get_tensor_name(self, index: int) -> str:
                return ("pixels", "logits")[index]

            def get_tensor_mode(self, name: str) -> str:
                return "in" if name == "pixels" else "out"

            def get_tensor_shape(self, name: str) -> tuple[int, ...]:
                return (-1, SIDE, SIDE, 1) if name == "pixels" else (-1, 3)

            def get_tensor_dtype(self, name: str) -> Any:
                return np.uint8 if name == "pixels" else np.float32

            def create_execution_context(self) -> Context:
                return Context()

        class Runtime:
            def __init__(self, log: Any) -> None:
                self.log = log
                self.engine_host_code_allowed = False

            def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
                trt.driver.check()
                trt.plans.append(plan)
                if trt.refuse:
                    self.log.log(TensorRt.ILogger.ERROR, "the plan was made for another device\nmore lines")
                    return None
                return Engine()

        self.Runtime = Runtime

    @staticmethod
    def nptype(dtype: Any) -> Any:
        return dtype
