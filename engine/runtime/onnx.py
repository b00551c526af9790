"""ONNX Runtime on the CPU: the embedded default, needs no other install."""

import threading
from pathlib import Path

import numpy as np
import onnxruntime

from ..errors import EngineError
from ..network.manifest import KEY, Manifest
from ..network.sidecar import read_whole, sha256
from ..network.whole import refuse_external_data
from .protocol import Closing
from .trial import SECONDS

onnxruntime.set_default_logger_severity(3)  # errors only: its warnings say nothing a clinic can act on


class OnnxRuntime(Closing):
    """One network in one thread: workers run one each, which scales where intra-op threads do not."""

    def __init__(self, path: Path, content: bytes | None = None, gpu: bool = False) -> None:
        """content: the file's bytes, where the caller has read and checked them already. gpu: try CUDA first."""
        providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if gpu else ["CPUExecutionProvider"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        if content is None:
            content = read_whole(path)
        self.sha256 = sha256(content)
        refuse_external_data(path.name, content)
        try:
            self._session: onnxruntime.InferenceSession | None = onnxruntime.InferenceSession(
                content, options, providers=providers
            )
        except Exception:  # its own error type is private, and its text shows C++ source lines
            raise EngineError(f"{path.name} is not a network that ONNX Runtime can load") from None
        metadata = self._session.get_modelmeta().custom_metadata_map
        if KEY not in metadata:
            raise EngineError(f"{path.name} has no xscan manifest: make it with xscan export")
        self.manifest = Manifest.from_json(metadata[KEY])
        device = "CUDA" if "CUDAExecutionProvider" in self._session.get_providers() else "CPU"
        self.description = f"onnxruntime {onnxruntime.__version__} {device}"
        self._input = self._session.get_inputs()[0].name
        self._first = True  #: the run that may not last for ever
        if len(self._session.get_inputs()) != 1:
            raise EngineError(f"{path.name} is no network of xscan: it has more inputs than the pictures")
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 [films, height, width, 1] -> float32 logits [films, 3]. Raises EngineError."""
        return self._run(["logits"], pictures)["logits"]

    def outputs(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """The same films, everything that the network says. Raises EngineError."""
        return self._run(self._outputs, pictures)

    def close(self) -> None:
        self._session = None  # its memory goes with it

    def _run(self, names: list[str], pictures: np.ndarray) -> dict[str, np.ndarray]:
        if self._session is None:
            raise EngineError("the network was closed")
        options = onnxruntime.RunOptions()
        stop = threading.Timer(SECONDS, setattr, (options, "terminate", True)) if self._first else None
        try:
            if stop is not None:
                stop.start()
            results = self._session.run(names, {self._input: pictures}, options)
        except Exception:
            late = options.terminate
            raise EngineError(
                f"the network gave no answer in {SECONDS:g} seconds"
                if late
                else "ONNX Runtime could not run the network"
            ) from None
        finally:
            if stop is not None:
                stop.cancel()
        self._first = False
        return {name: np.asarray(result) for name, result in zip(names, results, strict=True)}
