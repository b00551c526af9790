#!/usr/bin/env python
"""Note which classes, methods and argument names a binding of TensorRT has, for tests/engine/runtime/bindings.json.

    LD_LIBRARY_PATH=STUBS PYTHONPATH=WHEEL/tensorrt_bindings python scripts/bindings_contract.py VERSION FILE

A binding needs NVIDIA's libraries to be imported and none of them to be looked at: libraries of the names that it asks
for, whose functions return nothing (`nm -D --undefined-only tensorrt.so`), are enough. Nothing is run.
"""

import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

CLASSES = (
    "Builder", "INetworkDefinition", "OnnxParser", "IBuilderConfig", "IOptimizationProfile", "ITimingCache", "ILogger",
    "IProgressMonitor", "Runtime", "ICudaEngine", "IExecutionContext", "EngineInspector", "IRuntimeConfig",
    "IRuntimeCache", "ParserError", "ITensor",
)  # fmt: skip
ENUMS = (
    "NetworkDefinitionCreationFlag", "MemoryPoolType", "ProfilingVerbosity", "BuilderFlag",
    "HardwareCompatibilityLevel",
    "TensorIOMode", "LayerInformationFormat", "CudaGraphStrategy", "DynamicShapesKernelSpecializationStrategy",
    "ComputeCapability",
)  # fmt: skip


def contract(module: Any) -> dict[str, Any]:
    """class -> method -> overloads, each a list of argument names; class -> property -> None; enum -> names."""
    classes = {name: _members(getattr(module, name)) for name in CLASSES if hasattr(module, name)}
    enums = {name: sorted(getattr(module, name).__members__) for name in ENUMS if hasattr(module, name)}
    severities = sorted(n for n in dir(module.ILogger) if n.isupper())
    return {"classes": classes, "enums": enums | {"ILogger": severities}}


def _members(kind: type) -> dict[str, list[list[str]] | None]:
    found: dict[str, list[list[str]] | None] = {}
    for name, member in inspect.getmembers(kind):
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            found[name] = None
        elif callable(member):
            signatures = re.findall(rf"^(?:\d+\. )?{name}\((.*)\) -> ", member.__doc__ or "", re.MULTILINE)
            found[name] = [_arguments(text) for text in signatures]
    return found


def _arguments(text: str) -> list[str]:
    return [name for name in re.findall(r"(?:^|, )(\w+):", text) if name != "self"]


if __name__ == "__main__":
    path = Path(sys.argv[2])
    known = json.loads(path.read_text()) if path.is_file() else {}
    known[sys.argv[1]] = contract(importlib.import_module("tensorrt"))
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
