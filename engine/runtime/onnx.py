"""ONNX Runtime: on the processor, the embedded default; on its CUDA provider where `onnxruntime-gpu` is installed."""

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

CPU = "CPUExecutionProvider"
#: float32 is float32, not TF32; an exhaustive search of convolutions would take long for each new batch size.
CUDA = ("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})
#: It stores a float bias beside INT8 weights as int32, and divides it by its scale in the graph's type: in FP16, as in
#: the graphs that TensorRT compiles, that overflows. Graphs for the processor have int32 biases of their own.
LEFT_OUT = ("WeightBiasQuantization",)


class OnnxRuntime(Closing):
    """One network in one thread: workers run one each, which scales where intra-op threads do not."""

    def __init__(self, path: Path, content: bytes | None = None, gpu: bool = False) -> None:
        """content: the bytes, where the caller has read and checked them already. gpu: on CUDA, or not at all."""
        if content is None:
            content = read_whole(path)
        self.sha256 = sha256(content)
        self._gpu = gpu
        refuse_external_data(path.name, content)
        try:
            self._session: onnxruntime.InferenceSession | None = self._make_session(path, content)
        except EngineError:
            raise
        except Exception:  # its own error type is private, and its text shows C++ source lines
            raise EngineError(f"{path.name} is not a network that ONNX Runtime can load") from None
        if (
            gpu and CUDA[0] not in self._session.get_providers()
        ):  # it falls back to one thread of the processor, in silence
            self._session = None
            raise EngineError("ONNX Runtime's CUDA provider does not work here: xscan doctor")
        metadata = self._session.get_modelmeta().custom_metadata_map
        if KEY not in metadata:
            raise EngineError(f"{path.name} has no xscan manifest: make it with xscan export")
        self.manifest = Manifest.from_json(metadata[KEY])
        device = "CUDA" if self._gpu else "CPU"
        self.description = f"onnxruntime {onnxruntime.__version__} {device}"
        self._input = self._session.get_inputs()[0].name
        self._first = True  #: the run that may not last for ever
        if len(self._session.get_inputs()) != 1:
            raise EngineError(f"{path.name} is no network of xscan: it has more inputs than the pictures")
        self._outputs = [output.name for output in self._session.get_outputs()]

    def _make_session(self, path: Path, content: bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        providers = [CUDA, CPU] if self._gpu else [CPU]
        return onnxruntime.InferenceSession(content, options, providers=providers, disabled_optimizers=list(LEFT_OUT))

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
