"""A module in TensorRT's place for scripts/gpu_staging.py: its execution context launches a small kernel, a film's mean
grey level made into logits. `oracle` is the same function as an ONNX network.

Needs pycuda and nvcc on the PATH.
"""

import ctypes
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from xscan.engine.machine.gpu import probe
from xscan.engine.network.manifest import KEY, Manifest, OperatingPoint
from xscan.engine.network.sidecar import Profile, Sidecar, sha256
from xscan.engine.network.spec import InputSpec
from xscan.engine.runtime.fits import built_here
from xscan.engine.runtime.tensorrt import TensorRtRuntime

SIDE, LARGEST = 256, 256
FILM = SIDE * SIDE
PLAN = b"no plan: the kernel stands in for it"
SCALE, SHIFT = np.array([0, 1 / 32, 1 / 64], np.float32), np.array([0, -4, -2], np.float32)
MANIFEST = Manifest(
    name="stand-in", version="1", input=InputSpec(SIDE, SIDE), temperature=1.0,
    rule_out=OperatingPoint(0.3, 0.9, 0.9), rule_in=OperatingPoint(0.7, 0.9, 0.9),
)  # fmt: skip
KERNEL = """
// One block a film. rounds: read it so often, to take as long as wanted. fuse: films until a fault, as of a broken GPU.
extern "C" __global__ void score(const unsigned char *pixels, float *logits, int *fuse, int size, int rounds)
{
    if (threadIdx.x == 0 && atomicSub(fuse, 1) == 1) __trap();
    __shared__ unsigned long long total;
    if (threadIdx.x == 0) total = 0;
    __syncthreads();
    const volatile unsigned *words = (const unsigned *)(pixels + (size_t)blockIdx.x * size);
    unsigned long long sum = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = threadIdx.x; i < size / 4; i += blockDim.x) {
            unsigned word = words[i];
            sum += (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24);
        }
    atomicAdd(&total, sum);
    __syncthreads();
    const float scale[3] = {0.f, 1.f / 32, 1.f / 64}, shift[3] = {0.f, -4.f, -2.f};
    if (threadIdx.x < 3) {
        float mean = __fdiv_rn((float)(total / rounds), (float)size);
        logits[blockIdx.x * 3 + threadIdx.x] = __fadd_rn(__fmul_rn(mean, scale[threadIdx.x]), shift[threadIdx.x]);
    }
}
"""


class StandIn:
    """As much of the module `tensorrt` as xscan.engine.runtime.tensorrt uses."""

    __version__ = "0.stand-in"
    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")
    ProfilingVerbosity = SimpleNamespace(NONE="none")

    class ILogger:
        ERROR, INTERNAL_ERROR, WARNING = range(3)

    def __init__(self, rounds: int = 1, fuse: int = 0) -> None:
        self.rounds, self.fuse = rounds, fuse
        self.enqueued = 0
        self.opened: list[int] = []  # threads

    def Runtime(self, log: Any) -> "StandIn":
        return self

    def deserialize_cuda_engine(self, plan: bytes) -> "Engine":
        assert plan == PLAN
        self.opened.append(threading.get_ident())
        return Engine(self)

    @staticmethod
    def nptype(dtype: Any) -> Any:
        return dtype


class Engine:
    num_io_tensors = 2

    def __init__(self, trt: StandIn) -> None:
        import pycuda.compiler
        import pycuda.driver

        self.trt = trt
        self.library = ctypes.CDLL("libcuda.so.1")
        cubin = pycuda.compiler.compile(KERNEL, no_extern_c=True)
        module, self.kernel = ctypes.c_void_p(), ctypes.c_void_p()
        check(self.library.cuModuleLoadData(ctypes.byref(module), cubin))
        check(self.library.cuModuleGetFunction(ctypes.byref(self.kernel), module, b"score"))
        self.fuse = pycuda.driver.mem_alloc(4)
        pycuda.driver.memcpy_htod(self.fuse, np.array([trt.fuse], np.int32))

    def get_tensor_name(self, index: int) -> str:
        return ("pixels", "logits")[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == "pixels" else "out"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, SIDE, SIDE, 1) if name == "pixels" else (-1, 3)

    def get_tensor_dtype(self, name: str) -> Any:
        return np.uint8 if name == "pixels" else np.float32

    def create_execution_context(self) -> "Execution":
        return Execution(self)


class Execution:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.films, self.nvtx_verbosity = 0, ""
        self.addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.films = shape[0]
        return shape[0] <= LARGEST

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self.films, 3)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        engine = self.engine
        engine.trt.enqueued += 1
        pointers = self.addresses["pixels"], self.addresses["logits"], int(engine.fuse)
        values = [ctypes.c_void_p(p) for p in pointers] + [ctypes.c_int(n) for n in (FILM, engine.trt.rounds)]
        arguments = (ctypes.c_void_p * 5)(*[ctypes.addressof(value) for value in values])
        handle = ctypes.c_void_p(stream)
        return not engine.library.cuLaunchKernel(
            engine.kernel, self.films, 1, 1, 512, 1, 1, 0, handle, arguments, None
        )  # fmt: skip


def check(code: int) -> None:
    assert code == 0, f"CUDA error {code}"


def expected(pictures: np.ndarray) -> np.ndarray:
    mean = pictures.sum(axis=(1, 2, 3), dtype=np.int64).astype(np.float32) / np.float32(FILM)
    return mean[:, None] * SCALE + SHIFT


def oracle() -> bytes:
    """The same function as an ONNX network."""
    constants = {"k": SCALE, "c": SHIFT, "size": np.array(FILM, np.float32), "axes": np.array([1, 2, 3])}
    constants |= {"last": np.array([1])}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["whole"], to=TensorProto.INT32),
        helper.make_node("ReduceSum", ["whole", "axes"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["sum"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["grey", "size"], ["mean"]),
        helper.make_node("Unsqueeze", ["mean", "last"], ["means"]),
        helper.make_node("Mul", ["means", "k"], ["scaled"]),
        helper.make_node("Add", ["scaled", "c"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "stand-in",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    model.metadata_props.add(key=KEY, value=MANIFEST.to_json())
    return model.SerializeToString()


def sidecar(graph: bytes = b"") -> Sidecar:
    hashes = {"engine": sha256(PLAN), "onnx": sha256(graph)}
    profile, here = Profile(1, 32, LARGEST), built_here(probe(), portable=False)
    return Sidecar(MANIFEST, "tensorrt", StandIn.__version__, "fp32", hashes, profile, here)


def stand_in(rounds: int = 1, fuse: int = 0) -> StandIn:
    sys.modules["tensorrt"] = trt = StandIn(rounds, fuse)  # type: ignore[assignment]
    return trt


def runtime(lanes: int = 2) -> TensorRtRuntime:
    return TensorRtRuntime("stand-in.engine", sidecar(), PLAN, lanes)
