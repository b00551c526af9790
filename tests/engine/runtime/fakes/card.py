"""Puts the stand-in into a process: as its GPU and driver, pycuda, TensorRT and TensorRT for RTX. See the package."""

import ctypes
import sys

import pytest

from xscan.engine.machine import gpu
from xscan.engine.runtime import compile as compiling
from xscan.engine.runtime import engines

from .driver import Driver
from .module import TensorRt

LIBRARIES = ("libcuda.so.1", "nvcuda.dll")


def put(
    monkeypatch: pytest.MonkeyPatch, driver: Driver, runtimes: tuple[str, ...] = ("tensorrt", "tensorrt-rtx")
) -> dict[str, TensorRt]:
    """The process has this GPU from now on. runtimes: that are installed; others are not."""
    real = ctypes.CDLL
    monkeypatch.setattr(ctypes, "CDLL", lambda name, *more, **options: (
        driver if name in LIBRARIES else real(name, *more, **options)
    ))  # fmt: skip
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    made = {}
    for runtime, module in compiling.MODULES.items():
        made[runtime] = TensorRt(driver, name=module)
        monkeypatch.setitem(
            sys.modules, module, made[runtime] if runtime in runtimes else None
        )  # None: importing it fails
    forget()
    return made


def forget() -> None:
    """What xscan noted of this machine while a process had, or had not, the stand-in."""
    gpu.probe.cache_clear()
    engines._cuda_works.cache_clear()
    compiling._failed.clear()
