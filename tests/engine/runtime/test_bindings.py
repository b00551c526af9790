"""Our calls and the stand-ins' against the real bindings: of TensorRT 10.12, 11.1 and 11.4 as noted in bindings.json
(scripts/bindings_contract.py), of TensorRT for RTX as it is installed here."""

import ast
import importlib.util
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from xscan.engine import runtime

from .fakes import building, running

NOTED = json.loads((Path(__file__).parent / "bindings.json").read_text())
VERSIONS = sorted(NOTED)
ROOM = Path(runtime.__path__[0])

#: `parse` has a default for its second, the path.
#: What compile.py calls on objects of TensorRT, and with how many arguments. Other modules are held by the stand-ins.
BUILD = {
    "Builder": {"create_network": 1, "create_builder_config": 0, "create_optimization_profile": 0,
        "build_serialized_network": 2},
    "OnnxParser": {"parse": 2, "get_error": 1, "num_errors": None},
    "IBuilderConfig": {
        "set_memory_pool_limit": 2, "add_optimization_profile": 1, "profiling_verbosity": None, "clear_flag": 1,
        "set_flag": 1, "hardware_compatibility_level": None, "progress_monitor": None, "create_timing_cache": 1,
        "set_timing_cache": 2,
    },
    "IOptimizationProfile": {"set_shape": 4}, "INetworkDefinition": {"get_input": 1}, "ITimingCache": {"serialize": 0},
    "ParserError": {"desc": 0}, "ITensor": {"name": None, "shape": None},
    "IProgressMonitor": {"phase_start": 3, "step_complete": 2, "phase_finish": 1},
}  # fmt: skip


def rtx() -> dict[str, Any]:
    binding = pytest.importorskip("tensorrt_rtx")
    spec = importlib.util.spec_from_file_location(
        "bindings_contract", Path(__file__).parents[3] / "scripts" / "bindings_contract.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.contract(binding)


def contract(version: str) -> dict[str, Any]:
    return rtx() if version == "rtx" else NOTED[version]


def named_in(file: str) -> set[tuple[str, ...]]:
    """Every `trt.A.B` of a module, as (A, B)."""
    found = set()
    for node in ast.walk(ast.parse((ROOM / file).read_text())):
        way: list[str] = []
        at: ast.expr | ast.AST = node
        while isinstance(at, ast.Attribute):
            way.insert(0, at.attr)
            at = at.value
        if isinstance(at, ast.Name) and (at.id == "trt" or way[:1] == ["_trt"]):
            found.add(tuple(way[1:] if way[:1] == ["_trt"] else way))
    return {way for way in found if way and way[0][0].isupper()}


def test_the_versions_are_those_that_docs_name():
    assert VERSIONS == ["10.12.0.36", "11.1.0.106", "11.4.0.106"]


@pytest.mark.parametrize("version", [*VERSIONS, "rtx"])
@pytest.mark.parametrize("file", ["compile.py", "tensorrt.py", "rtx_cache.py"])
def test_every_name_that_we_use_is_there(version: str, file: str):
    if file == "rtx_cache.py" and version != "rtx":
        pytest.skip("that runtime configuration is TensorRT for RTX's own")
    there = contract(version)
    for name, *rest in named_in(file):
        if name == "ComputeCapability" and version != "rtx":
            continue
        assert name in there["classes"] or name in there["enums"], name
        if rest and not rest[0].startswith("_") and name != "ILogger":
            assert rest[0] in there["enums"].get(name, []) or rest[0] in there["classes"].get(name, {}), (name, rest)
        if rest and name == "ILogger" and rest[0].isupper():
            assert rest[0] in there["enums"]["ILogger"]


@pytest.mark.parametrize("version", [*VERSIONS, "rtx"])
def test_what_the_compiler_is_told_is_what_it_takes(version: str):
    for kind, calls in BUILD.items():
        members = contract(version)["classes"][kind]
        for name, arguments in calls.items():
            assert name in members, (kind, name)
            if arguments is not None:
                assert any(len(overload) == arguments for overload in members[name]), (kind, name, members[name])


@pytest.mark.parametrize("version", [*VERSIONS, "rtx"])
def test_the_stand_ins_take_what_the_real_ones_take(version: str):
    real = contract(version)["classes"]
    here = [*vars(running).values(), *vars(building).values()]
    bases = (running.Bound, building.Part)
    for kind in [kind for kind in here if inspect.isclass(kind) and issubclass(kind, bases) and kind not in bases]:
        if kind.__name__ in ("IRuntimeCache", "IRuntimeConfig") and version != "rtx":
            continue
        members = real[kind.__name__]
        for name in kind._settable + (getattr(kind, "_settable_rtx", ()) if version == "rtx" else ()):
            assert members[name] is None, (kind.__name__, name)
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") or name == "state" or (kind is running.IExecutionContext and name == "work"):
                continue
            if name == "create_runtime_config" and version != "rtx":
                continue
            ours = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
            if name == "create_execution_context":
                assert version != "rtx" or ours in members[name]
                continue
            assert ours in members[name], (kind.__name__, name, ours, members[name])
