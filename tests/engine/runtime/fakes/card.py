"""Puts the stand-in into a process: as its GPU and driver, pycuda, TensorRT and TensorRT for RTX. See the package."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

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
    made = {runtime: TensorRt(driver, name=module) for runtime, module in compiling.MODULES.items()}
    modules = {module: made[runtime] if runtime in runtimes else None for runtime, module in compiling.MODULES.items()}
    for name, module in ({"pycuda": ModuleType("pycuda"), "pycuda.driver": driver} | modules).items():
        if module is not None:  # where it is None, importing it fails
            vars(module)["__spec__"] = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    forget()
    return made


@contextmanager
def collected() -> Iterator[None]:
    """What is here now is left out of every look for garbage, so that one after each failing call costs little."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "freeze", lambda: None)  # as `main` does at its end
        yield
    gc.unfreeze()


def forget() -> None:
    """What xscan noted of this machine while a process had, or had not, the stand-in."""
    gpu.probe.cache_clear()
    engines._cuda_works.cache_clear()
    compiling._failed.clear()
