"""Trained networks that answer for each film as it is changed, for another to learn from (Hinton et al. 2015).

A teacher may read larger films than its pupil: it sees the pupil's, enlarged. Where it has class maps, a pupil can
learn from them, too, where on the film the evidence is.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np

from xscan.engine.errors import UsageError
from xscan.engine.triage.odds import probabilities


class Answer(NamedTuple):
    probabilities: np.ndarray  #: float32 [films, 3]
    #: float32 [films, rows, columns, 3]: evidence, less its mean over the classes, which says nothing; None: not asked
    maps: np.ndarray | None


class Teachers:
    """The mean of what some ONNX networks say. OpenVINO, where it is installed, is the quicker."""

    def __init__(self, files: Sequence[Path], maps: tuple[int, int] | None = None) -> None:
        """files: networks of uint8 [films, height, width, 1] with `logits` [films, 3], and `maps` where asked for.

        maps: the rows and columns of the pupil's. Raises UsageError for a teacher that has none.
        """
        self._networks = [_opened(file, ["logits", "maps"] if maps else ["logits"]) for file in files]
        self._maps = maps
        self._turn = Lock()  # Keras fills its batches in several threads

    def __call__(self, pictures: np.ndarray) -> Answer:
        """pictures: uint8 [films, height, width, 1]."""
        with self._turn:
            answers = [network(pictures) for network in self._networks]
        logits = np.stack([answer[0] for answer in answers]).astype(np.float32)
        mean = probabilities(logits, 1).mean(axis=0).astype(np.float32)
        if self._maps is None:
            return Answer(mean, None)
        maps = np.mean([_resized(answer[1].astype(np.float32), *self._maps) for answer in answers], axis=0)
        # Resizing may move their mean, which is the logits.
        maps += (logits.mean(axis=0) - maps.mean(axis=(1, 2)))[:, None, None]
        return Answer(mean, maps - maps.mean(axis=3, keepdims=True))


def _opened(file: Path, names: list[str]) -> Callable[[np.ndarray], list[np.ndarray]]:
    try:
        import openvino
    except ImportError:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        _require(file, names, {output.name for output in session.get_outputs()})
        [pixels] = session.get_inputs()
        return lambda pictures: session.run(names, {pixels.name: _resized(pictures, *pixels.shape[1:3])})
    network = openvino.Core().compile_model(file, "CPU", {"INFERENCE_NUM_THREADS": 1})
    _require(file, names, {name for output in network.outputs for name in output.get_names()})
    request = network.create_infer_request()
    sides = [network.input(0).partial_shape[axis].get_length() for axis in (1, 2)]

    def answered(pictures: np.ndarray) -> list[np.ndarray]:
        results = request.infer({0: _resized(pictures, *sides)})
        return [np.array(results[network.output(name)]) for name in names]

    return answered


def _require(file: Path, names: list[str], there: set[str]) -> None:
    if missing := [name for name in names if name not in there]:
        raise UsageError(f"{file} cannot teach: it has no output {' and no '.join(missing)}")


def _resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """[films, any height, any width, channels] -> [films, height, width, channels], by areas where it gets smaller."""
    if values.shape[1:3] == (height, width):
        return values
    way = cv2.INTER_AREA if values.shape[1] > height else cv2.INTER_LINEAR
    resized = np.stack([cv2.resize(value, (width, height), interpolation=way) for value in values])
    return resized.reshape(len(values), height, width, values.shape[3])
