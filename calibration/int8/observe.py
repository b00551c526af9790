"""Run a network on the CPU: its outputs, how far the values of chosen tensors go, how long it takes."""

from collections.abc import Callable, Collection, Iterable

import numpy as np
import onnx

from ..graphs.graph import Graph, copy
from ..graphs.run import session
from .ranges import Histogram, Range


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
