"""Whether this machine can run an engine, and what speaks against trusting it."""

import platform
from pathlib import Path

from ..errors import EngineError
from ..machine.gpu import Gpu, probe
from ..machine.gpu_fit import unfit
from ..machine.processor import int8_is_exact
from ..network.manifest import Manifest
from ..network.permissions import in_others_hands
from ..network.sidecar import BuiltFor, Sidecar, is_built, onnx_path, read_sidecar, read_source, sidecar_path
from ..network.whole import manifest_inside


def why_not_here(sidecar: Sidecar) -> str:
    """What keeps this machine from running the engine, as the rest of a sentence; empty if nothing does."""
    if sidecar.runtime == "onnxruntime":
        return ""  # ONNX is the same everywhere
    gpu = probe()
    if gpu is None:
        return "needs an NVIDIA GPU, and no driver answers here: build one for this machine with xscan build-engine"
    if reason := unfit(sidecar.runtime, gpu):
        return f"does not run here: {reason}"
    if sidecar.runtime == "ort-rtx":
        from .ort_rtx import missing

        return missing()
    from .compile import load_module

    try:
        here = load_module(sidecar.runtime).__version__
    except EngineError as error:
        return f"needs {sidecar.runtime}: {error}"
    return _mismatch(sidecar, gpu, here)


def _mismatch(sidecar: Sidecar, gpu: Gpu, here: str) -> str:
    built_for = sidecar.built_for
    if built_for.system and built_for.system != platform.system():
        return f"was built on {built_for.system}, here is {platform.system()}: use --rebuild"
    other_version = here != sidecar.runtime_version
    later = built_for.portable and sidecar.runtime == "tensorrt" and _runs_on(sidecar.runtime_version, here)
    if other_version and not later:
        return f"was built with {sidecar.runtime} {sidecar.runtime_version}, here is {here}: use --rebuild"
    if sidecar.runtime == "tensorrt" and built_for.gpu and not _same_kind(built_for, gpu):
        return (
            f"was built for {built_for.gpu} (compute capability {built_for.compute_capability}), "
            f"here is {gpu.name} ({gpu.compute_capability}): use --rebuild"
        )
    return ""


def _same_kind(built_for: BuiltFor, gpu: Gpu) -> bool:
    """Does a TensorRT plan serve this GPU, by the level that it was built at? (compile._choose_targets)

    Without a level it serves the model of GPU that it was built on: the same compute capability is not enough.
    """
    if not built_for.portable:
        return built_for.gpu == gpu.name
    if float(built_for.compute_capability) >= 8:
        return float(gpu.compute_capability) >= 8
    return built_for.compute_capability == gpu.compute_capability


def _runs_on(built: str, here: str) -> bool:
    """Does a version-compatible plan of TensorRT `built` run on `here`? (Support matrix 11.4: later versions of the
    same major version, and 10 on 11.)"""
    old, new = ([int(x) for x in version.split(".")[:2]] for version in (built, here))
    return new >= old and (old[0] == new[0] or (old[0], new[0]) == (10, 11))


def require_same_manifest(path: Path, sidecar: Sidecar, inside: Manifest | None = None) -> None:
    """Thresholds in the .json must be those of the network that was built from.

    inside: the manifest of the engine itself, where it carries one; else that of the graph beside it is taken, where
    there is one. Raises EngineError.
    """
    if inside is None:
        if not onnx_path(path).is_file():
            return
        inside = manifest_inside(path.name, read_source(path, sidecar))
    if inside != sidecar.manifest:
        raise EngineError(
            f"{sidecar_path(path).name} was edited: it says other than the network; build the engine again"
        )


def doubts(path: Path) -> list[str]:
    """What the person who starts a run should hear about this engine or network."""
    found = [f"{why}: an engine can hold any code" for why in in_others_hands(path)]
    if not is_built(path) or not sidecar_path(path).is_file():
        return found
    sidecar = read_sidecar(path)
    if sidecar.calibration.get("weight_bits") == 8 and not int8_is_exact():
        found.append(f"{path.name} has 8-bit weights, and this processor may add them up wrongly: build it again here")
    if sidecar.gate.get("forced"):
        found.append(f"{path.name} was refused by its gate and built with --force: its results are not to be relied on")
    return found


def built_here(gpu: Gpu | None, portable: bool) -> BuiltFor:
    """What a plan that is built now is for."""
    if gpu is None:
        return BuiltFor(portable=portable, system=platform.system())
    return BuiltFor(gpu.name, gpu.compute_capability, gpu.driver, portable, platform.system())
