"""Run a network on the CPU: its outputs, how far the values of chosen tensors go, how long it takes."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np
import onnx
import onnxruntime

from xscan.engine.errors import EngineError

from .graph import Graph, copy
from .ranges import Histogram, Range

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
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
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


def observe(
    model: onnx.ModelProto,
    tensors: Collection[str],
    pictures: Iterable[np.ndarray],
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, dict[str, Range]]:
    """Ranges of each tensor by each method.

    pictures: chunks of uint8 [films, height, width, 1]. progress: called with the films done so far.
    """
    watched = copy(model)
    types = Graph(model).types
    outputs = {value.name for value in watched.graph.output}
    for name in tensors:
        if name not in outputs:
            watched.graph.output.append(onnx.helper.make_tensor_value_info(name, types[name], None))
    run = session(watched)
    source = run.get_inputs()[0].name
    histograms = {name: Histogram() for name in tensors}
    done = 0
    for chunk in pictures:
        for name, values in zip(tensors, run.run(list(tensors), {source: chunk}), strict=True):
            histograms[name].add(np.asarray(values))
        done += len(chunk)
        progress(done)
    return {name: histogram.range() for name, histogram in histograms.items()}


def speed_ratio(reference: onnx.ModelProto, candidate: onnx.ModelProto, batch: np.ndarray, rounds: int = 15) -> float:
    """Median time of the reference over that of the candidate, one core, timed alternately.

    Time that other programs take is left out where the system can tell (Windows counts in steps of 15 ms).
    """
    clock = time.thread_time if os.name == "posix" else time.perf_counter
    sessions = [session(reference), session(candidate)]
    times: list[list[float]] = [[], []]
    for number in range(rounds + 2):
        for run, kept in zip(sessions, times, strict=True):
            started = clock()
            run.run(["logits"], {run.get_inputs()[0].name: batch})
            if number >= 2:  # the first rounds warm up
                kept.append(clock() - started)
    return float(np.median(times[0]) / np.median(times[1]))
