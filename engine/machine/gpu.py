"""Ask the NVIDIA driver, by ctypes alone, whether there is a GPU and which.

TensorRT's libraries must not be asked: without a driver some hand out objects and then crash the process.
"""

import ctypes
import functools
import sys
from dataclasses import dataclass

_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR


@dataclass(frozen=True)
class Gpu:
    name: str
    compute_capability: str  #: for example 8.6
    driver: str  #: the CUDA version that the driver supports, for example 13.0
    memory: int  #: bytes


@functools.cache
def probe() -> Gpu | None:
    """The first NVIDIA GPU, or None when there is none or its driver does not answer."""
    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    number = ctypes.c_int()
    device = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(number)) or not number.value:
        return None
    if cuda.cuDeviceGet(ctypes.byref(device), 0):
        return None

    def attribute(which: int) -> int:
        value = ctypes.c_int()
        cuda.cuDeviceGetAttribute(ctypes.byref(value), which, device)
        return value.value

    name = ctypes.create_string_buffer(256)
    cuda.cuDeviceGetName(name, len(name), device)
    memory = ctypes.c_size_t()
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    version = ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    return Gpu(
        name=name.value.decode("ascii", "replace"),
        compute_capability=f"{attribute(_MAJOR)}.{attribute(_MINOR)}",
        driver=f"{version.value // 1000}.{version.value % 1000 // 10}",
        memory=memory.value,
    )
