"""What TensorRT gives to build a plan: builder, parser, configuration. See the package."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import onnx

from .plans import plan_of

if TYPE_CHECKING:
    from .module import TensorRt


class Part:
    """An object of the builder's: takes no attribute that the real one lacks. It needs no context."""

    _settable: tuple[str, ...] = ()
    _settable_rtx: tuple[str, ...] = ()  #: of TensorRT for RTX alone

    _trt: "TensorRt"

    def __init__(self, trt: "TensorRt") -> None:
        object.__setattr__(self, "_trt", trt)

    def __setattr__(self, name: str, value: Any) -> None:
        more = self._settable_rtx if self._trt.__name__ == "tensorrt_rtx" else ()
        if not name.startswith("_") and name not in self._settable + more:
            raise AttributeError(name)
        object.__setattr__(self, name, value)


class INetworkDefinition(Part):
    def __init__(self, trt: "TensorRt", flags: int) -> None:
        super().__init__(trt)
        self._strong, self._graph = bool(flags & 2), b""

    def get_input(self, index: int) -> SimpleNamespace:
        pixels = onnx.load_from_string(self._graph).graph.input[index]
        shape = [d.dim_value or -1 for d in pixels.type.tensor_type.shape.dim]
        return SimpleNamespace(name=pixels.name, shape=tuple(shape))


class IOptimizationProfile(Part):
    def set_shape(self, input: str, min: tuple[int, ...], opt: tuple[int, ...], max: tuple[int, ...]) -> None:
        self._shapes = (input, min, opt, max)


class ITimingCache(Part):
    def serialize(self) -> bytes:
        return b"timings"


class IBuilderConfig(Part):
    _settable = ("profiling_verbosity", "hardware_compatibility_level", "progress_monitor")
    _settable_rtx = ("num_compute_capabilities",)

    def __init__(self, trt: "TensorRt") -> None:
        super().__init__(trt)
        self._flags = {"TF32"}
        self._profile: IOptimizationProfile | None = None
        self.profiling_verbosity, self.progress_monitor = "LAYER_NAMES_ONLY", None

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        pass

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        self._profile = profile
        return 0

    def clear_flag(self, flag: str) -> None:
        self._flags.discard(flag)

    def set_flag(self, flag: str) -> None:
        self._flags.add(flag)

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None:
        damaged = serialized_timing_cache not in (b"", b"timings")
        return None if self._trt.driver.due("create_timing_cache") or damaged else ITimingCache(self._trt)

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        return not self._trt.driver.due("set_timing_cache")


class ParserError(Part):
    def desc(self) -> str:
        return "the graph has a node that nobody knows"


class OnnxParser(Part):
    def __init__(self, trt: "TensorRt", network: INetworkDefinition, logger: Any) -> None:
        super().__init__(trt)
        self._network, self._errors, trt.log = network, 0, logger

    @property
    def num_errors(self) -> int:
        return self._errors

    def parse(self, model: bytes, path: str | None = None) -> bool:
        self._errors = int(self._trt.driver.due("parse"))
        self._network._graph = model
        return not self._errors

    def get_error(self, index: int) -> ParserError:
        return ParserError(self._trt)


class Builder(Part):
    def __init__(self, trt: "TensorRt", logger: Any) -> None:
        super().__init__(trt)
        trt.log = logger

    def create_network(self, flags: int) -> INetworkDefinition:
        return INetworkDefinition(self._trt, flags)

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig(self._trt)

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile(self._trt)

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> bytes | None:
        driver = self._trt.driver
        if not network._strong:
            driver.rule("a network that is not strongly typed: TensorRT would choose types itself")
        if config._profile is None:
            driver.rule("a dynamic batch without an optimisation profile")
        if "TF32" in config._flags:
            driver.rule("float32 that is TF32")
        if config.progress_monitor is not None:
            config.progress_monitor.phase_start("build", None, 1)
            config.progress_monitor.step_complete("build", 0)
            config.progress_monitor.phase_finish("build")
        if driver.due("build_serialized_network"):
            self._trt.say("no implementation fits the memory\nmore lines")
            return None
        self._trt.built.append(network._graph)
        return plan_of(network._graph, config._profile._shapes[3][0], sorted(config._flags))
