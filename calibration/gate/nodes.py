"""The fitted gate as nodes of the network's own graph."""

from typing import Any

import numpy as np
import onnx
from onnx import helper

from .features import PREFIX, add_features, add_output, constant
from .fit import LONGEST, Head


def attach(model: onnx.ModelProto, head: Head) -> None:
    """Add the gate's nodes and the output `gate` to a network, in place. Needs operators of version 18."""
    z = PREFIX + "z"
    features = add_features(model)
    n = head.whiten.shape[0]
    held = {
        "mean": head.mean,
        "scale": head.scale,
        "whiten": head.whiten,
        "centres": np.ascontiguousarray(-2 * head.centres.T),
        "centre_squares": (head.centres.astype(np.float64) ** 2).sum(1).astype(np.float32),
        "weights": head.weights,
        "bias": head.bias,
        "zero": np.zeros(1, np.float32),
        "one": np.ones(1, np.float32),
        "features_root": np.array([np.sqrt(n)], np.float32),
        "longest": np.array([LONGEST * np.sqrt(n)], np.float32),
        "axis": np.array([1], np.int64),
    }
    held = {name: constant(model, name, value) for name, value in held.items()}

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        model.graph.node.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    p = PREFIX
    node("Sub", [features, held["mean"]], p + "centred")
    node("Div", [p + "centred", held["scale"]], p + "scaled")
    node("MatMul", [p + "scaled", held["whiten"]], z)
    node("Mul", [z, z], p + "squares")
    node("ReduceSum", [p + "squares", held["axis"]], p + "length2", keepdims=1)
    # |z - c|^2 = |z|^2 - 2 z c + |c|^2, for all centres at once
    node("MatMul", [z, held["centres"]], p + "products")
    node("Add", [p + "products", held["centre_squares"]], p + "shifted")
    node("ReduceMin", [p + "shifted", held["axis"]], p + "nearest", keepdims=1)
    node("Add", [p + "nearest", p + "length2"], p + "distance2")
    node("Max", [p + "distance2", held["zero"]], p + "distance2_positive")
    node("Sqrt", [p + "distance2_positive"], p + "distance_whole")
    node("Div", [p + "distance_whole", held["features_root"]], p + "distance")
    node("Sqrt", [p + "length2"], p + "length")
    node("Div", [p + "length", held["longest"]], p + "overlong")
    node("Max", [p + "overlong", held["one"]], p + "cut")
    node("Div", [z, p + "cut"], p + "z_cut")
    node("MatMul", [p + "z_cut", held["weights"]], p + "odds_bare")
    node("Add", [p + "odds_bare", held["bias"]], p + "odds")
    node("Concat", [p + "distance", p + "odds"], "gate", axis=1)
    add_output(model, "gate", 1 + len(head.bias))
