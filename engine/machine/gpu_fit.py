"""Which NVIDIA GPU fits which runtime: the one table that `auto`, build-engine, opening and doctor go by."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from .gpu import Gpu

#: runtime -> compute capabilities that it compiles for. TensorRT for RTX names 7.5 as a target, too, but refuses every
#: network of ours there ("FP32 GEMM is not supported"); 9.0 and 10.0, data centre GPUs, are none of its targets.
_RTX = ("8.0", "8.6", "8.9", "12.0", "12.1")
_TABLE: dict[str, tuple[str, ...]] = {
    "tensorrt": ("7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "10.0", "10.3", "11.0", "12.0", "12.1"),
    "tensorrt-rtx": _RTX,
    "ort-rtx": tuple(c for c in _RTX if c != "8.0"),  # its plugin's own list: RTX cards from Ampere on
}
#: runtime -> packages that hold its libraries, by the CUDA version that they are built for.
_LIBRARIES = {
    "tensorrt": "tensorrt-cu{}-libs",
    "tensorrt-rtx": "tensorrt-rtx-cu{}-libs",
    "ort-rtx": "onnxruntime-ep-nv-tensorrt-rtx-cu{}",
}
_DRIVERS = {13: "580", 12: "535"}  #: of CUDA's major version: the first driver that has it


def capabilities(runtime: str) -> tuple[str, ...]:
    """Compute capabilities that a runtime serves."""
    return _TABLE[runtime]


def unfit(runtime: str, gpu: Gpu) -> str:
    """Why a GPU or its driver does not serve a runtime, as the rest of a sentence about it; empty if it does."""
    if gpu.compute_capability not in _TABLE[runtime]:
        wanted = ", ".join(_TABLE[runtime])
        return f"{runtime} has no use for {gpu.name} (compute capability {gpu.compute_capability}; it serves {wanted})"
    needed = _cuda_major(runtime)
    if needed and int(gpu.driver.split(".")[0] or 0) < needed:
        driver = f" ({_DRIVERS[needed]} or later)" if needed in _DRIVERS else ""
        return f"{runtime} needs an NVIDIA driver for CUDA {needed}{driver}, and here is one for CUDA {gpu.driver}"
    return ""


def fitting(gpu: Gpu) -> Iterator[str]:
    """Runtimes that serve a GPU, the quickest first; whether they are installed is another question."""
    yield from (runtime for runtime in _TABLE if gpu.compute_capability in _TABLE[runtime])


def _cuda_major(runtime: str) -> int:
    """The CUDA version that the installed libraries of a runtime are built for; 0 where no package says so."""
    for major in (14, 13, 12, 11):
        try:
            version(_LIBRARIES[runtime].format(major))
        except PackageNotFoundError:
            continue
        return major
    return 0
