"""Run a graph, or parts of it, on films: one core, a few films at a time."""

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime

from xscan.engine.errors import EngineError
from xscan.engine.runtime.onnx import CPU, LEFT_OUT

CHUNK = 4  #: films at once: the activations of a chunk are all that is held in memory


def chunks(pictures: np.ndarray, size: int = CHUNK) -> Iterator[np.ndarray]:
    """uint8 [films, height, width, 1] in pieces of at most `size` films."""
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]


def session(model: onnx.ModelProto | bytes) -> onnxruntime.InferenceSession:
    """A session on one core. Raises EngineError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    content = model if isinstance(model, bytes) else model.SerializeToString()
    try:
        return onnxruntime.InferenceSession(content, options, providers=[CPU], disabled_optimizers=list(LEFT_OUT))
    except Exception:
        raise EngineError("ONNX Runtime cannot load the network") from None


def logits(model: onnx.ModelProto, pictures: np.ndarray) -> np.ndarray:
    """float32 [films, 3] of uint8 [films, height, width, 1]."""
    return outputs(model, pictures, ("logits",))["logits"]


def outputs(
    model: onnx.ModelProto, pictures: np.ndarray, names: tuple[str, ...] = ("logits", "gate")
) -> dict[str, np.ndarray]:
    """Those of the outputs that the network has, float32 [films, ...], of uint8 [films, height, width, 1]."""
    run = session(model)
    source = run.get_inputs()[0].name
    wanted = [output.name for output in run.get_outputs() if output.name in names]
    parts = [run.run(wanted, {source: part}) for part in chunks(pictures, 8)]
    return {name: np.concatenate([np.asarray(p[i], np.float32) for p in parts]) for i, name in enumerate(wanted)}
