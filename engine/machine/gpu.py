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
    number, device, major, minor, version = (ctypes.c_int() for _ in range(5))
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    asked = (
        (cuda.cuInit, 0),
        (cuda.cuDeviceGetCount, ctypes.byref(number)),
        (cuda.cuDeviceGet, ctypes.byref(device), 0),
        (cuda.cuDeviceGetAttribute, ctypes.byref(major), _MAJOR, device),
        (cuda.cuDeviceGetAttribute, ctypes.byref(minor), _MINOR, device),
        (cuda.cuDeviceGetName, name, len(name), device),
        (cuda.cuDeviceTotalMem_v2, ctypes.byref(memory), device),
        (cuda.cuDriverGetVersion, ctypes.byref(version)),
    )
    for call, *arguments in asked:
        if call(*arguments):
            return None
    return Gpu(
        name=name.value.decode("ascii", "replace"),
        compute_capability=f"{major.value}.{minor.value}",
        driver=f"{version.value // 1000}.{version.value % 1000 // 10}",
        memory=memory.value,
    )
