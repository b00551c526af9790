"""What TensorRT gives to run a plan: runtime, engine, contexts; what TensorRT for RTX has beside. See the package."""

import weakref
from typing import TYPE_CHECKING, Any

from .driver import Driver
from .plans import Program, program_of

if TYPE_CHECKING:
    from .module import TensorRt


class Bound:
    """An object of a binding: takes no attribute that the real one lacks, and counts as alive."""

    _settable: tuple[str, ...] = ()

    _driver: Driver

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
        if driver.due("set_input_shape") or not 1 <= shape[0] <= self._engine._program.largest:
            return False
        if self._shape != shape:
            self._shape, self._changes = shape, self._changes + 1
        trt.shapes.append(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self._shape[0] if self._shape else -1, *self._engine._program.sizes[name])

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
        if not self._shape or set(self._addresses) != set(self._engine._program.sizes):
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
        driver, trt, program = self._driver, self._engine._trt, self._engine._program
        memory, films, addresses = driver.memory, self._shape[0], dict(self._addresses)

        def run() -> None:
            pixels = memory[addresses[program.input]]
            size = films * program.film
            results = trt.change(
                program.precision, program.run(pixels[:size].reshape(films, *program.sizes[program.input]))
            )
            for name, result in results.items():
                data = result.view("uint8").ravel()
                if len(data) > len(memory[addresses[name]]):
                    driver.rule("results larger than their memory")
                memory[addresses[name]][: len(data)] = data

        return set(addresses.values()), run


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
    def __init__(self, trt: "TensorRt", program: Program) -> None:
        super().__init__(trt.driver)
        self._trt, self._program = trt, program

    @property
    def num_io_tensors(self) -> int:
        return len(self._program.sizes)

    def get_tensor_name(self, index: int) -> str:
        return list(self._program.sizes)[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == self._program.input else "out"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, *self._program.sizes[name])

    def get_tensor_dtype(self, name: str) -> Any:
        return self._program.types[name]

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
        try:
            program = program_of(serialized_engine, self._trt.largest)
        except Exception:  # of ONNX Runtime
            self._trt.say("the plan is not whole: magic tag does not match")
            return None
        return ICudaEngine(self._trt, program)
