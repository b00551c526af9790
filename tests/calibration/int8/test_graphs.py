"""The graphs for TensorRT and for the CPU: where pairs stand, what stays in float, and that results hold."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from xscan.calibration.graphs import run
from xscan.calibration.graphs.fold import folded
from xscan.calibration.graphs.graph import Graph, load
from xscan.calibration.graphs.half import half_graph
from xscan.calibration.int8 import observe, quantise
from xscan.calibration.int8.check import defects_for_tensorrt, require_fit
from xscan.calibration.int8.ranges import STEPS, Range
from xscan.engine.errors import EngineError
from xscan.engine.machine.processor import int8_is_exact
from xscan.engine.network.manifest import KEY

from .. import networks

NETWORKS = {"residual": networks.residual, "plain": networks.plain, "inverted": lambda: folded(networks.inverted())}


def calibrated(model: onnx.ModelProto, method: str = "minmax") -> tuple[tuple[str, ...], dict[str, Range]]:
    layers = quantise.int8_layers(Graph(model))
    tensors = quantise.measured(Graph(model), layers)
    ranges = observe.observe(model, tensors, run.chunks(networks.pictures(32)))
    return layers, {name: by[method] for name, by in ranges.items()}


@pytest.fixture(params=NETWORKS)
def model(request: pytest.FixtureRequest) -> onnx.ModelProto:
    return NETWORKS[request.param]()


def close(model: onnx.ModelProto, other: onnx.ModelProto, part: float) -> None:
    """Logits differ by at most this part of their spread."""
    pictures = networks.pictures(24, seed=9)
    expected, got = run.logits(model, pictures), run.logits(other, pictures)
    assert np.abs(expected - got).max() <= part * np.ptp(expected)


def test_both_graphs_answer_like_float32(model: onnx.ModelProto):
    layers, ranges = calibrated(model)
    close(model, quantise.tensorrt_graph(model, layers, ranges), 0.05)
    if int8_is_exact():  # elsewhere the sums of 8-bit weights saturate
        close(model, quantise.cpu_graph(model, layers, ranges), 0.05)
    close(model, quantise.cpu_graph(model, layers, ranges, weight_bits=7), 0.08)


def test_tensorrt_graph_has_none_of_the_known_defects(model: onnx.ModelProto):
    layers, ranges = calibrated(model)
    graph = quantise.tensorrt_graph(model, layers, ranges)
    assert defects_for_tensorrt(graph) == []
    assert quantise.quantised_layers(graph) == list(layers)
    for initializer in graph.graph.initializer:
        if initializer.name.endswith("_zero"):
            assert not numpy_helper.to_array(initializer).any()


def test_heads_and_branches_off_the_trunk_stay_in_float():
    graph = Graph(networks.residual())
    assert graph.heads == {"head"}
    assert set(quantise.int8_layers(graph)) == {graph.layers[0].output[0], "a1", "a2", "b1", "b2", "b_short"}


def test_the_front_of_a_depthwise_network_stays_in_float():
    graph = Graph(folded(networks.inverted()))
    assert quantise.int8_layers(graph) == ("deeper", "begun", "again", "inner", "features")


def test_only_the_skip_branch_of_an_addition_is_paired():
    model = networks.residual()
    graph = quantise.tensorrt_graph(model, *calibrated(model))
    nodes = {node.output[0]: node for node in graph.graph.node}
    assert list(nodes["a_add"].input) == ["stem_dq", "a2"]  # convolution, addition and ReLU become one kernel
    assert list(nodes["b_add"].input) == ["b_short_dq", "b2"]


@pytest.mark.parametrize("swapped", [False, True])
def test_of_an_inverted_residual_the_shortcut_is_paired(swapped: bool):
    model = folded(networks.inverted(swapped=swapped))
    graph = quantise.tensorrt_graph(model, *calibrated(model))
    addition = next(node for node in graph.graph.node if node.output[0] == "end")
    assert set(addition.input) == {"begun_dq", "inner"}


def test_pooling_runs_between_equal_scales():
    model = networks.plain()
    graph = quantise.tensorrt_graph(model, *calibrated(model))
    constants = Graph(graph).constants
    nodes = {node.output[0]: node for node in graph.graph.node}
    assert nodes["p1"].input[0] == "r1_dq"
    assert nodes["c2"].input[0] == "p1_dq"
    assert constants["r1_scale"] == constants["p1_scale"]


def test_a_layer_left_out_keeps_its_float_weight_and_input():
    model = networks.residual()
    layers, ranges = calibrated(model)
    graph = quantise.tensorrt_graph(model, [name for name in layers if name != "a1"], ranges)
    nodes = {node.output[0]: node for node in graph.graph.node}
    original = {node.output[0]: node for node in model.graph.node}
    assert list(nodes["a1"].input) == list(original["a1"].input)
    assert "a1" not in quantise.quantised_layers(graph)


def test_onnx_runtime_turns_the_cpu_graph_into_integer_kernels(model: onnx.ModelProto, tmp_path):
    layers, ranges = calibrated(model)
    graph = quantise.cpu_graph(model, layers, ranges)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    convolutions = [n for n in model.graph.node if n.op_type == "Conv" and n.output[0] in layers]
    assert kinds.count("QLinearConv") == len(convolutions)
    assert "Clip" not in kinds  # the range of its output does what it did
    residual = [n.output[0] for n in model.graph.node if Graph(model).is_residual(n)]
    assert kinds.count("QLinearAdd") == len([name for name in residual if name != "short"])  # that of a float front


def test_seven_bit_weights_stay_within_63():
    model = networks.residual()
    graph = quantise.cpu_graph(model, *calibrated(model), weight_bits=7)
    weights = [i for i in graph.graph.initializer if i.name.endswith("_weight_q")]
    assert weights
    assert all(np.abs(numpy_helper.to_array(w).astype(int)).max() == 63 for w in weights)


def test_graphs_keep_the_manifest(model: onnx.ModelProto):
    layers, ranges = calibrated(model)
    for graph in (
        half_graph(quantise.tensorrt_graph(model, layers, ranges)),
        quantise.cpu_graph(model, layers, ranges),
    ):
        assert [entry.key for entry in graph.metadata_props] == [KEY]


def test_fp16_leaves_scaling_head_and_outputs_in_float32(model: onnx.ModelProto):
    half = half_graph(model)
    types = Graph(half).types
    assert all(types[output.name] == TensorProto.FLOAT for output in half.graph.output)
    first = Graph(half).layers[0]
    assert types[first.output[0]] == TensorProto.FLOAT16
    assert next(n for n in half.graph.node if n.output[0] == first.input[0]).op_type == "Cast"  # just before it
    head = next(iter(Graph(model).heads))
    assert types[head] == TensorProto.FLOAT
    close(model, half, 0.01)


def test_fp16_around_int8_has_fp16_scales_in_opset_19(model: onnx.ModelProto):
    mixed = half_graph(quantise.tensorrt_graph(model, *calibrated(model)))
    assert mixed.opset_import[0].version == 19
    assert defects_for_tensorrt(mixed) == []
    halves = [i for i in mixed.graph.initializer if i.name.endswith("_scale_half")]
    assert halves
    close(model, mixed, 0.06)


def test_large_biases_beside_small_weights_hold_in_fp16_around_int8():
    """A bias of 30,000 of its steps and more: where ONNX Runtime stores it in those steps, FP16 overflows."""
    model = networks.residual()
    layer = next(n for n in model.graph.node if n.output[0] == "b1")
    for constant in model.graph.initializer:
        if constant.name in layer.input[1:]:
            weight = constant.name == layer.input[1]
            value = numpy_helper.to_array(constant)
            value = value / 100 if weight else value + 3
            constant.CopyFrom(numpy_helper.from_array(value.astype(np.float32), constant.name))
    whole = quantise.tensorrt_graph(model, *calibrated(model))
    close(whole, half_graph(whole), 0.06)


def test_a_non_zero_zero_point_is_caught():
    graph = quantise.tensorrt_graph(networks.plain(), *calibrated(networks.plain()))
    zero = next(i for i in graph.graph.initializer if i.name == "p1_zero")
    zero.CopyFrom(numpy_helper.from_array(np.array(3, np.int8), "p1_zero"))
    assert any("zero point" in defect for defect in defects_for_tensorrt(graph))
    with pytest.raises(EngineError, match="zero point"):
        require_fit(graph)


def test_an_int32_bias_and_uint8_activations_are_caught():
    defects = defects_for_tensorrt(quantise.cpu_graph(networks.residual(), *calibrated(networks.residual())))
    assert any("int32 bias" in defect for defect in defects)
    assert any("uint8" in defect for defect in defects)


@pytest.mark.parametrize(("make", "output"), [(networks.plain, "r1"), (networks.inverted, "wide_out")])
def test_a_pair_between_convolution_and_relu_is_caught(make, output: str):
    model = make()
    edit = quantise._Edit(model)
    relu = next(n for n in model.graph.node if n.output[0] == output)
    edit.pair(relu.input[0], np.float32(0.1), np.int8(0), [relu])
    assert any("between a convolution and its ReLU" in defect for defect in defects_for_tensorrt(edit.finish()))


def test_fp16_scales_before_opset_19_are_caught():
    graph = half_graph(quantise.tensorrt_graph(networks.plain(), *calibrated(networks.plain())))
    graph.opset_import[0].version = 18
    assert any("opset 18" in defect for defect in defects_for_tensorrt(graph))


def test_what_is_no_network_is_refused():
    with pytest.raises(EngineError, match="not an ONNX network"):
        load(b"PK\x03\x04 something else")


def test_scales_are_chosen_as_they_are_stored():
    """A dead channel and tiny ones: their FP16 scales are numbers, and the weights were quantised with those."""
    model = networks.residual()
    graph = Graph(model)
    layers = quantise.int8_layers(graph)
    layer = next(node for node in graph.layers if node.output[0] in layers)
    weight = graph.constants[layer.input[1]].copy()
    weight[0], weight[1], weight[2] = 0, weight[1] * 1e-4 / np.abs(weight[1]).max(), weight[2] * 2e-2
    for tensor in model.graph.initializer:
        if tensor.name == layer.input[1]:
            tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
    ranges = {name: Range(0, 1, dict.fromkeys(STEPS, 1.0)) for name in quantise.measured(graph, layers)}
    made = half_graph(quantise.tensorrt_graph(model, layers, ranges))
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    name = f"{layer.output[0]}_weight"
    scale = held.get(f"{name}_scale_half")
    scale = held[f"{name}_scale"] if scale is None else scale
    assert scale.dtype == np.float16
    assert scale.min() >= np.finfo(np.float16).tiny
    step = scale.astype(np.float32)[:, None, None, None]
    assert np.array_equal(held[f"{name}_q"], np.clip(np.round(weight / step), -127, 127))
    assert defects_for_tensorrt(made) == []
