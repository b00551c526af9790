"""The module `tensorrt`, or `tensorrt_rtx`. See the package."""

from collections.abc import Callable
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np

from .building import Builder, OnnxParser
from .driver import Driver
from .running import Runtime

Outputs = dict[str, np.ndarray]


def names(*members: str) -> SimpleNamespace:
    return SimpleNamespace(**{member: member for member in members})


class IProgressMonitor:
    def __init__(self) -> None:
        pass


class ILogger:
    ERROR, INTERNAL_ERROR, WARNING = range(3)

    def __init__(self) -> None:
        pass


class TensorRt:
    __version__ = "11.4.0"
    ILogger, IProgressMonitor = ILogger, IProgressMonitor
    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")
    LayerInformationFormat = SimpleNamespace(JSON="json")
    ProfilingVerbosity = names("NONE", "DETAILED")
    MemoryPoolType = names("WORKSPACE")
    BuilderFlag = names("TF32", "VERSION_COMPATIBLE")
    HardwareCompatibilityLevel = names("AMPERE_PLUS", "SAME_COMPUTE_CAPABILITY")
    NetworkDefinitionCreationFlag = IntEnum("NetworkDefinitionCreationFlag", {"STRONGLY_TYPED": 1})

    def __init__(self, driver: Driver, largest: int = 8, refuse: bool = False, name: str = "tensorrt") -> None:
        """largest: films of a plan that no builder made."""
        self.__name__ = name
        self.driver, self.largest, self.refuse = driver, largest, refuse
        self.change: Callable[[str, Outputs], Outputs] = lambda _, outputs: (
            outputs
        )  #: by precision: the compiler's fault
        self.plans: list[bytes] = []
        self.built: list[bytes] = []  # graphs
        self.shapes: list[tuple[int, ...]] = []
        self.ran: list[int] = []  # batch sizes, plainly: not from a graph
        self.log: Any = None
        if name == "tensorrt_rtx":
            self.CudaGraphStrategy = names("WHOLE_GRAPH_CAPTURE")
            self.DynamicShapesKernelSpecializationStrategy = names("EAGER")
            self.ComputeCapability = names("SM80", "SM86", "SM89", "SM120", "SM121")

    def Runtime(self, logger: Any) -> Runtime:
        return Runtime(self, logger)

    def Builder(self, logger: Any) -> Builder:
        return Builder(self, logger)

    def OnnxParser(self, network: Any, logger: Any) -> OnnxParser:
        return OnnxParser(self, network, logger)

    def say(self, text: str) -> None:
        self.log.log(ILogger.ERROR, text)

    @staticmethod
    def nptype(dtype: Any) -> Any:
        return dtype
