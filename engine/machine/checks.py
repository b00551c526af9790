"""What this machine can do: decoders, runtimes, GPU, processor; and how to get what is missing."""

import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from .gpu import Gpu
from .install import pip_line

_T = TypeVar("_T")
_REPAIR = pip_line("--force-reinstall", "xscan")


@dataclass(frozen=True, slots=True)
class Check:
    group: str  #: decoders, runtimes, hardware, training
    name: str
    present: bool
    detail: str  #: a version, a device's name
    fix: str = ""  #: one line that helps, when it is missing
    needed: bool = False  #: xscan cannot scan without it


def checks() -> Iterator[Check]:
    """Look at everything once. Nothing here raises, downloads or changes anything."""
    yield from _decoders()
    yield from _runtimes()
    yield from _hardware()
    yield _package("training", "tensorflow", ("tensorflow", "tensorflow-cpu"), pip_line("xscan[train]"))
    yield _package("training", "tf2onnx", ("tf2onnx",), pip_line("xscan[train]"))


def _decoders() -> Iterator[Check]:
    yield Check("decoders", "DICOM, uncompressed and deflated", True, "built in", needed=True)
    yield _package(
        "decoders",
        "PNG, BMP, WebP",
        ("opencv-python-headless", "opencv-python"),
        _REPAIR,
        "cv2",
        needed=True,
    )
    yield _package("decoders", "JPEG", ("simplejpeg",), _REPAIR, "simplejpeg", needed=True)
    for name, codec in (
        ("RLE", "DICOMRLE"),
        ("JPEG 12-bit and lossless", "JPEG8"),
        ("JPEG-LS", "JPEGLS"),
        ("JPEG 2000 and HTJ2K", "JPEG2K"),
        ("TIFF", "TIFF"),
    ):
        yield _codec(name, codec)
    yield _kernel()


def _codec(name: str, codec: str) -> Check:
    try:
        import imagecodecs

        available = bool(getattr(imagecodecs, codec).available)
    except Exception:
        return Check("decoders", name, False, "imagecodecs does not load", pip_line("--force-reinstall", "imagecodecs"))
    fix = "" if available else "this build leaves the codec out: " + pip_line("--upgrade", "imagecodecs")
    return Check("decoders", name, available, f"imagecodecs {_version('imagecodecs')}", fix)


def _runtimes() -> Iterator[Check]:
    try:
        import onnxruntime

        providers = [name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]
        detail = f"{onnxruntime.__version__}, {', '.join(providers)}"
        yield Check("runtimes", "onnxruntime", True, detail, needed=True)
    except Exception:
        yield Check(
            "runtimes", "onnxruntime", False, "does not load", pip_line("--force-reinstall", "onnxruntime"), True
        )
    for name, package, fix in (
        ("tensorrt", "tensorrt", "for an NVIDIA GPU, 3.7 GB: " + pip_line("xscan[tensorrt]")),
        ("tensorrt_rtx", "tensorrt-rtx", "for an NVIDIA RTX GPU: " + pip_line("xscan[rtx]")),
        (
            "onnxruntime_ep_nv_tensorrt_rtx",
            "onnxruntime-ep-nv-tensorrt-rtx-cu13",
            "for RTX cards from Ampere on, without pycuda and compiler: " + pip_line("xscan[ort-rtx]"),
        ),
        ("pycuda", "pycuda", "only for TensorRT, with nvcc on the PATH: " + pip_line("pycuda")),
    ):
        yield _loads(name, package, fix)


def _kernel() -> Check:
    """The compiled parts of xscan itself (engine/preprocess/area.py, engine/read/jpeg_decode.py,
    engine/read/line.py, engine/triage/look.py)."""
    names = ("preprocess._area", "read._cmyk", "read._jpeg", "read._line", "triage._look")
    parts = tuple(f"xscan.engine.{name}" for name in names)
    compiled = all(importlib.util.find_spec(part) is not None for part in parts)
    fix = "none needed, reading is a little slower: install a C compiler, then " + _REPAIR
    return Check("decoders", "compiled parts", compiled, "built in" if compiled else "not compiled", fix)


def _loads(module: str, package: str, fix: str) -> Check:
    """Import in another process: without its driver such a package may fail, or end the process."""
    if importlib.util.find_spec(module) is None:
        return Check("runtimes", module, False, "not installed", fix)
    try:
        done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, timeout=60, check=False)
        loads = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        loads = False
    detail = _version(package) + ("" if loads else ", but does not load")
    return Check("runtimes", module, loads, detail, "" if loads else "install or update the NVIDIA driver, then " + fix)


def _hardware() -> Iterator[Check]:
    from . import sandbox
    from .confine import has_memory_limit
    from .gpu import probe
    from .processor import int8_is_exact

    gpu = _quietly(probe)
    if gpu is None:
        fix = "none needed: xscan runs on the CPU; with an NVIDIA GPU install its driver (nvidia-smi must list it)"
        yield Check("hardware", "NVIDIA GPU", False, "no GPU or no driver", fix)
    else:
        detail = f"{gpu.name}, SM {gpu.compute_capability}, {gpu.memory // 2**20} MB, driver for CUDA {gpu.driver}"
        yield Check("hardware", "NVIDIA GPU", True, detail)
        yield _best_for(gpu)
    limited = has_memory_limit()
    detail = "a file that asks for too much becomes a row" if limited else "none on this system"
    fix = "" if limited else "none: a file made to take memory may slow this machine; scan what others send on Linux"
    yield Check("hardware", "memory limit for decoders", limited, detail, fix)
    known = sandbox.version()
    off = f"switched off by {sandbox.SWITCH}" if os.environ.get(sandbox.SWITCH) == "off" else "no Landlock here"
    detail = f"Landlock {known}: decoders write nothing and start no program" if known else off
    fix = "" if known else "none: a decoder with a hole could write files as this user; Linux from 5.13 on can hold it"
    yield Check("hardware", "sandbox for decoders", bool(known), detail, fix)
    exact = bool(_quietly(int8_is_exact))
    fix = "" if exact else "none: an INT8 engine gains little on this processor, keep float32"
    yield Check("hardware", "fast INT8 (VNNI)", exact, platform.machine(), fix)


def _best_for(gpu: Gpu) -> Check:
    """What build-engine can make for the GPU, and the easy way where nothing that it needs is installed."""
    from .gpu_fit import fitting, unfit

    served = list(fitting(gpu))
    name = "engines for this GPU"
    if not served:
        return Check("hardware", name, False, "none", "none: no runtime serves this GPU; xscan runs on the CPU")
    if reasons := [reason for runtime in served if (reason := unfit(runtime, gpu))]:
        return Check("hardware", name, False, reasons[0], "update the NVIDIA driver")
    modules = {
        "tensorrt": ("tensorrt", "pycuda"), "tensorrt-rtx": ("tensorrt_rtx", "pycuda"),
        "ort-rtx": ("onnxruntime_ep_nv_tensorrt_rtx",),
    }  # fmt: skip
    here = [r for r in served if all(importlib.util.find_spec(module) is not None for module in modules[r])]
    if here:
        return Check("hardware", name, True, ", ".join(here))
    easy = "ort-rtx" if "ort-rtx" in served else "tensorrt"
    return Check("hardware", name, False, "none installed", pip_line(f"xscan[{easy}]"))


def _quietly(look: Callable[[], _T]) -> _T | None:
    try:
        return look()
    except Exception:
        return None


def _package(
    group: str, name: str, packages: tuple[str, ...], fix: str, module: str = "", needed: bool = False
) -> Check:
    """Installed, by name alone: importing TensorFlow takes seconds."""
    if importlib.util.find_spec(module or name) is None:
        return Check(group, name, False, "not installed", fix, needed)
    found = next((f"{package} {_version(package)}" for package in packages if _version(package)), "installed")
    return Check(group, name, True, found, needed=needed)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
