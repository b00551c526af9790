"""What is to be said of an engine or network file, as data."""

import json
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..network.sidecar import onnx_path, read_proven, read_sidecar, read_source
from .fits import doubts, why_not_here
from .open import open_runtime


def describe_engine(path: Path) -> dict[str, Any]:
    """Of a built engine: its sidecar, and whether this machine can run it. Raises EngineError without a sidecar."""
    sidecar = read_sidecar(path)
    reason = why_not_here(sidecar)
    if not reason:
        try:
            read_proven(path, sidecar)
        except EngineError as error:
            reason = str(error)
    content = json.loads(sidecar.to_json())
    content["runtime"] = f"{sidecar.runtime} {sidecar.runtime_version}"
    if sidecar.runtime == "onnxruntime":
        content["profile"] = None  # it takes every batch size
    return {
        "file": str(path), **content, "runs_here": not reason, "reason": reason, "doubts": doubts(path),
        "can_rebuild": _can_rebuild(path),
    }  # fmt: skip


def describe_network(path: Path) -> dict[str, Any]:
    """Of a plain ONNX network. Raises EngineError when it is none of ours."""
    with open_runtime(path) as runtime:
        return {
            "file": str(path), "manifest": json.loads(runtime.manifest.to_json()), "precision": "fp32",
            "runtime": runtime.description, "sha256": {"onnx": runtime.sha256}, "runs_here": True, "reason": "",
        }  # fmt: skip


def _can_rebuild(path: Path) -> bool:
    try:
        read_source(path, read_sidecar(path))
    except EngineError:
        return False
    return onnx_path(path).is_file()
