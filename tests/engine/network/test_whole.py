"""A network whose weights stand in other files is refused, wherever in the graph they are; nothing is opened for it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from xscan.engine.errors import EngineError
from xscan.engine.network.whole import refuse_external_data
from xscan.engine.runtime.onnx import OnnxRuntime
from xscan.engine.runtime.open import open_runtime

from ...calibration import networks


def outside(tensor: TensorProto, location: str = "w.bin") -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def weight() -> TensorProto:
    return numpy_helper.from_array(np.ones(3, np.float32), "w")


def model(*nodes: onnx.NodeProto, **graph: Any) -> onnx.ModelProto:
    return helper.make_model(helper.make_graph(list(nodes), "g", [], [], **graph))


def nested() -> onnx.ModelProto:
    branch = helper.make_graph([], "branch", [], [], [outside(weight())])
    return model(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))


def in_function() -> onnx.ModelProto:
    made = model()
    node = helper.make_node("Constant", [], ["y"], value=outside(weight()))
    made.functions.add(name="f").node.append(node)
    return made


@pytest.mark.parametrize(
    "hidden",
    [
        lambda: model(initializer=[outside(weight())]),
        lambda: model(helper.make_node("Constant", [], ["y"], value=outside(weight()))),
        nested,
        in_function,
    ],
)
def test_weights_elsewhere_are_found_wherever_they_are(hidden) -> None:
    with pytest.raises(EngineError, match="weights in files beside it"):
        refuse_external_data("n.onnx", hidden().SerializeToString())


def test_a_whole_network_passes_and_what_is_none_is_refused() -> None:
    refuse_external_data("n.onnx", networks.residual().SerializeToString())
    with pytest.raises(EngineError, match="not a network"):
        refuse_external_data("n.onnx", b"\xff" * 64)


@pytest.mark.parametrize("location", ["w.bin", "/etc/passwd", "../w.bin"])
def test_a_runtime_never_loads_them(tmp_path: Path, location: str) -> None:
    (tmp_path / "w.bin").write_bytes(np.ones(1000, np.float32).tobytes())
    network = networks.residual()
    outside(network.graph.initializer[0], location)
    path = tmp_path / "n.onnx"
    path.write_bytes(network.SerializeToString())
    with pytest.raises(EngineError, match="export it as one file"):
        open_runtime(path)


def test_what_is_said_to_be_loaded_is_what_was_loaded(tmp_path: Path) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(networks.residual().SerializeToString())
    with OnnxRuntime(path) as runtime:
        path.write_bytes(networks.residual(seed=5).SerializeToString())
        with OnnxRuntime(path) as other:
            assert runtime.sha256 != other.sha256
    with pytest.raises(EngineError, match="closed"):
        runtime.run(networks.pictures(1))
