"""Trained networks that answer for each film as it is changed, for another to learn from (Hinton et al. 2015)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np


class Teachers:
    """The mean of what some ONNX networks say. OpenVINO, where it is installed, is the quicker."""

    def __init__(self, files: Sequence[Path]) -> None:
        """files: networks of uint8 [films, height, width, 1], whose first output is logits [films, 3]."""
        self._networks = [_opened(file) for file in files]
        self._turn = Lock()  # Keras fills its batches in several threads

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 [films, height, width, 1] -> float32 [films, 3], probabilities."""
        with self._turn:
            logits = np.stack([network(pictures) for network in self._networks]).astype(np.float32)
        powers = np.exp(logits - logits.max(axis=2, keepdims=True))
        return (powers / powers.sum(axis=2, keepdims=True)).mean(axis=0)


def _opened(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    try:
        import openvino
    except ImportError:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        pixels = session.get_inputs()[0].name
        return lambda pictures: np.asarray(session.run(None, {pixels: pictures})[0])
    network = openvino.Core().compile_model(file, "CPU", {"INFERENCE_NUM_THREADS": 1})
    request = network.create_infer_request()
    return lambda pictures: np.asarray(request.infer({0: pictures})[0])
