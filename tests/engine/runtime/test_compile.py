"""Our graphs through a real TensorRT compiler. It proves that they parse and build, not how they run."""

import pytest

from xscan.calibration.graphs import run
from xscan.calibration.graphs.graph import Graph, load
from xscan.calibration.graphs.half import half_graph
from xscan.calibration.int8 import observe, quantise
from xscan.engine.errors import EngineError
from xscan.engine.network.models import DEFAULT
from xscan.engine.network.sidecar import Profile
from xscan.engine.runtime.compile import BuildOptions, available, build_plan, load_module
from xscan.engine.runtime.open import find_engine

from ...calibration import networks

trt = pytest.importorskip("tensorrt_rtx")
OPTIONS = BuildOptions(Profile(1, 4, 16))


@pytest.fixture(scope="module")
def default():
    return load(find_engine(DEFAULT).read_bytes())


def int8(model):
    graph = Graph(model)
    layers = quantise.int8_layers(graph)
    spec = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    pixels = networks.pictures(4).repeat(spec[1] // networks.SIDE, 1).repeat(spec[2] // networks.SIDE, 2)
    ranges = observe.observe(model, quantise.measured(graph, layers), run.chunks(pixels))
    by_mse = {name: by["mse"] for name, by in ranges.items()}
    return layers, by_mse


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_default_network_compiles(default, precision: str):
    graph = default
    if precision == "fp16":
        graph = half_graph(default)
    elif precision == "int8":
        graph = half_graph(quantise.tensorrt_graph(default, *int8(default)))
    assert len(build_plan(trt, graph.SerializeToString(), OPTIONS)) > 100_000


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_residual_network_with_maps_and_a_gate_compiles(precision: str):
    graph = networks.residual()
    if precision == "fp16":
        graph = half_graph(graph)
    elif precision == "int8":
        graph = half_graph(quantise.tensorrt_graph(graph, *int8(graph)))
    assert build_plan(trt, graph.SerializeToString(), OPTIONS)


def test_the_cpu_graph_is_refused_with_a_reason():
    graph = quantise.cpu_graph(networks.residual(), *int8(networks.residual()))
    with pytest.raises(EngineError, match="TensorRT cannot read the graph"):
        build_plan(trt, graph.SerializeToString(), OPTIONS)


def test_what_is_no_graph_is_refused():
    with pytest.raises(EngineError, match="TensorRT cannot read the graph"):
        build_plan(trt, b"nonsense", OPTIONS)


def test_progress_and_warnings_reach_the_caller():
    steps: list[tuple[str, int, int]] = []
    said: list[str] = []
    build_plan(trt, networks.plain().SerializeToString(), OPTIONS, said.append, lambda *step: steps.append(step))
    assert steps
    assert all(0 <= done <= total for _, done, total in steps)


def test_a_portable_engine_compiles():
    options = BuildOptions(Profile(1, 4, 16), portable=True)
    assert build_plan(trt, networks.plain().SerializeToString(), options)


def test_a_missing_binding_names_the_install():
    if not available("tensorrt"):
        with pytest.raises(EngineError, match=r"-m pip install '?xscan\[tensorrt\]"):
            load_module("tensorrt")
    assert available("tensorrt-rtx")
