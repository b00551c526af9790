"""Networks that are none of xscan's, or mean harm: one line when they are opened, and no film is read."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xscan.engine.errors import EngineError
from xscan.engine.network.manifest import KEY, Manifest
from xscan.engine.runtime import onnx as onnx_runtime
from xscan.engine.runtime.open import open_runtime

from ...calibration import networks

N, SIDE = helper.make_node, networks.SIDE


def write(path: Path, nodes: list[onnx.NodeProto], weight: np.ndarray, manifest: Manifest = networks.MANIFEST) -> Path:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 1])
    start = [N("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT), N("ReduceMean", ["x"], ["m"], axes=[1, 2], keepdims=0)]
    made = {name for node in nodes for name in node.output}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("logits", "gate") if name in made
    ]
    constants = {
        "w": weight, "none": np.zeros(1, np.float32), "axis": np.zeros(1, np.int64), "often": np.array(2**62),
        "yes": np.array(True),
    }  # fmt: skip
    used = {name for node in [*start, *nodes] for name in node.input}
    graph = helper.make_graph(
        [*start, *nodes], "g", [pixels], outputs or [helper.make_tensor_value_info("m", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.add(key=KEY, value=manifest.to_json())
    path.write_bytes(model.SerializeToString())
    return path


THREE = np.array([[0.01, -0.01, 0]], np.float32)
LOGITS = N("MatMul", ["m", "w"], ["logits"])


def test_a_sound_one_opens(tmp_path: Path) -> None:
    with open_runtime(write(tmp_path / "n.onnx", [LOGITS], THREE)) as runtime:
        assert runtime.run(networks.pictures(3)).shape == (3, 3)


@pytest.mark.parametrize(
    ("nodes", "weight", "message"),
    [
        ([LOGITS], THREE[:, :2], r"logits has the shape \[2, 2\]"),
        ([N("Identity", ["m"], ["gate"])], THREE, "lacks the output logits"),
        ([N("ReduceMean", ["m"], ["o"], axes=[0]), N("MatMul", ["o", "w"], ["logits"])], THREE, r"shape \[1, 3\]"),
        ([N("Div", ["m", "none"], ["o"]), N("MatMul", ["o", "w"], ["logits"])], THREE, "no numbers"),
    ],
)
def test_others_are_refused(tmp_path: Path, nodes: list[onnx.NodeProto], weight: np.ndarray, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        open_runtime(write(tmp_path / "n.onnx", nodes, weight))


def test_thresholds_without_scores_are_refused(tmp_path: Path) -> None:
    gate = {"scores": [{"name": "distance", "code": "out-of-domain", "threshold": 1.0}]}
    manifest = Manifest(**{**networks.MANIFEST.__dict__, "gate": gate})
    with pytest.raises(EngineError, match="lacks the output gate"):
        open_runtime(write(tmp_path / "n.onnx", [LOGITS], THREE, manifest))


def test_one_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_runtime, "SECONDS", 0.5)
    values = [helper.make_tensor_value_info(n, t, s) for n, t, s in (
        ("i", TensorProto.INT64, []), ("c", TensorProto.BOOL, []), ("v", TensorProto.FLOAT, None))]  # fmt: skip
    results = [
        helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
        helper.make_tensor_value_info("v2", TensorProto.FLOAT, None),
    ]
    body = helper.make_graph([N("Identity", ["c"], ["c2"]), N("Identity", ["v"], ["v2"])], "body", values, results)
    loop = N("Loop", ["often", "yes", "m"], ["k"], body=body)
    with pytest.raises(EngineError, match=r"no answer in 0\.5 seconds"):
        open_runtime(write(tmp_path / "n.onnx", [loop, N("MatMul", ["k", "w"], ["logits"])], THREE))
