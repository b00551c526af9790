"""The few CUDA calls that xscan needs, on pycuda. Another binding would replace this module and no other.

Contexts are a stack of each thread in pycuda, and memory freed on another thread leaks: whoever makes a Device
uses and closes it on the same thread, with everything that came from it.
"""

import atexit
import contextlib
import ctypes
import importlib
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DeviceLost, EngineError
from ..machine.install import pip_line

NON_BLOCKING = 1  #: CU_STREAM_NON_BLOCKING: does not wait for the default stream, which other libraries use
THREAD_LOCAL = 1  #: CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, as trtexec captures: other threads may go on using CUDA


def _driver() -> Any:
    """pycuda.driver. Raises EngineError that names the install."""
    try:
        return importlib.import_module("pycuda.driver")
    except ImportError:
        raise EngineError(f"engines on a GPU need pycuda, and nvcc on the PATH: {pip_line('pycuda')}") from None


def _library() -> Any:
    """The driver itself, for calls that pycuda lacks."""
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


def forget_frames(error: BaseException | None) -> None:
    """Empty the local names of everything that an error went through, and of the errors that it came from.

    A traceback holds its frames, their names hold device memory, and what is freed after its context takes the process
    with it. Frames that still run are left alone.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class Device:
    """The first GPU's primary context, pushed on the thread that makes the object.

    pycuda aborts a process that ends with a context pushed, so one that nobody closed is popped at exit
    (as pycuda.autoprimaryctx does).
    """

    def __init__(self) -> None:
        self._driver = _driver()
        try:
            self._driver.init()
            self._context = self._driver.Device(0).retain_primary_context()
            self._context.push()
        except self._driver.Error:
            raise EngineError("the NVIDIA driver gives no access to the GPU: check nvidia-smi") from None
        self._registered: list[np.ndarray] = []
        self._thread = threading.get_ident()
        self._open = True
        atexit.register(self.close)

    def close(self) -> None:
        """Give the context back. Memory, streams and engines must be gone by now. A second call does nothing."""
        if not self._open or threading.get_ident() != self._thread:
            return  # contexts are each thread's own: from another thread, at exit, there is none to pop
        self._open = False
        atexit.unregister(self.close)
        self.unregister()
        with contextlib.suppress(self._driver.Error):  # of a lost device; detach takes it off pycuda's stack, too
            self._driver.Context.pop()
        self._context.detach()

    def buffer(self, size: int) -> Any:
        """Device memory of `size` bytes; int() of it is its address."""
        with self.errors():
            return self._driver.mem_alloc(size)

    def pinned(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """A page-locked array, which the GPU copies from and to while the processor goes on."""
        with self.errors():
            return self._driver.pagelocked_empty(shape, dtype)

    def register(self, memory: np.ndarray) -> bool:
        """Page-lock memory that others share (page-aligned), until `unregister` or `close`; returns whether it could.

        Copies from memory that is not locked are right, too, but slower. The driver's own call: pycuda's
        register_host_memory fails with numpy 2 (its result has a `base` before it sets one).
        """
        if _library().cuMemHostRegister_v2(ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(memory.nbytes), 0):
            return False
        self._registered.append(memory)
        return True

    def unregister(self) -> None:
        while self._registered:
            _library().cuMemHostUnregister(ctypes.c_void_p(self._registered.pop().ctypes.data))

    def stream(self) -> "Stream":
        with self.errors():
            return Stream(self, self._driver, self._driver.Stream(NON_BLOCKING))

    @contextlib.contextmanager
    def errors(self):
        """pycuda's errors as ours. After most of them the context is dead, so they end the run."""
        try:
            yield
        except self._driver.MemoryError:
            raise EngineError("the GPU has not enough free memory: close other programs, or use a smaller batch") from (
                None
            )
        except self._driver.Error as error:
            raise DeviceLost(f"the GPU stopped answering ({type(error).__name__}): run again to carry on") from None


class Stream:
    """Work that the GPU does in order, beside other streams."""

    def __init__(self, device: Device, driver: Any, stream: Any) -> None:
        self._device, self._driver, self._stream = device, driver, stream

    @property
    def handle(self) -> int:
        return self._stream.handle

    def to_device(self, target: Any, source: np.ndarray) -> None:
        with self._device.errors():
            self._driver.memcpy_htod_async(target, source, self._stream)

    def to_host(self, target: np.ndarray, source: Any) -> None:
        with self._device.errors():
            self._driver.memcpy_dtoh_async(target, source, self._stream)

    def wait(self) -> None:
        """Until all of it is done. Other Python threads run meanwhile."""
        with self._device.errors():
            self._stream.synchronize()


class CudaGraph:
    """Launches recorded once and replayed with one call: a small network is otherwise bound by launching.

    pycuda has no such calls, so the driver's own are made. `record` gives None where recording does not work, and
    leaves nothing behind: the stream is out of capture again, and no graph is kept.
    """

    def __init__(self, library: Any, graph: ctypes.c_void_p) -> None:
        self._library, self._graph = library, graph

    @classmethod
    def record(cls, stream: Stream, launch: Callable[[], bool]) -> "CudaGraph | None":
        """launch: called once, puts the work on the stream; returns whether it could. It is recorded, not run."""
        library = _library()
        handle, graph, ready = ctypes.c_void_p(stream.handle), ctypes.c_void_p(), ctypes.c_void_p()
        if library.cuStreamBeginCapture_v2(handle, THREAD_LOCAL):
            return None
        launched = False
        try:
            launched = launch()
        finally:
            ended = library.cuStreamEndCapture(handle, ctypes.byref(graph))
            if graph.value and (ended or not launched):
                library.cuGraphDestroy(graph)
                graph.value = None
        if not graph.value:
            return None
        failed = library.cuGraphInstantiateWithFlags(ctypes.byref(ready), graph, ctypes.c_ulonglong(0))
        library.cuGraphDestroy(graph)
        return None if failed else cls(library, ready)

    def launch(self, stream: Stream) -> None:
        if self._library.cuGraphLaunch(self._graph, ctypes.c_void_p(stream.handle)):
            raise DeviceLost("the GPU stopped answering (graph launch): run again to carry on")

    def close(self) -> None:
        self._library.cuGraphExecDestroy(self._graph)
