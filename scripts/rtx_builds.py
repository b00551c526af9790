#!/usr/bin/env python
"""Compile every shipped network in every precision for every GPU that TensorRT for RTX serves. Needs no GPU.

    python scripts/rtx_builds.py [NETWORK ...]     default: all that ship

By the compiler's warnings ('Converting conv weight scales', version 1.7) it counts convolutions that became INT8. Each
build runs in a process of its own: after a failed build the next one of that process differs. Exits 1 if a build fails
or leaves a convolution of INT8 in float. Ranges are of phantoms: types do not depend on them.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from xscan.calibration.graphs import run
from xscan.calibration.graphs.fold import prepared
from xscan.calibration.graphs.graph import Graph, load
from xscan.calibration.graphs.half import half_graph
from xscan.calibration.int8 import observe, quantise
from xscan.engine.machine.gpu_fit import capabilities
from xscan.engine.network.sidecar import Profile
from xscan.engine.runtime.compile import BuildOptions, build_plan, load_module
from xscan.engine.runtime.open import find_engine, shipped

ONE = "--one"  #: a graph and a compute capability, in a process of its own
WORDS = "Converting conv weight scales"


def graph(network: str, precision: str) -> tuple[bytes, int]:
    """The graph that build-engine would compile, and how many of its convolutions are INT8."""
    model = prepared(load(find_engine(network).read_bytes()))
    if precision == "fp32":
        return model.SerializeToString(), 0
    if precision == "fp16":
        return half_graph(model).SerializeToString(), 0
    whole = Graph(model)
    layers = quantise.int8_layers(whole)
    side = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:3]
    pictures = np.random.default_rng(0).integers(0, 256, (4, *side, 1), np.uint8)
    ranges = observe.observe(model, quantise.measured(whole, layers), run.chunks(pictures))
    made = half_graph(quantise.tensorrt_graph(model, layers, {name: by["minmax"] for name, by in ranges.items()}))
    convolutions = sum(node.op_type == "Conv" and node.output[0] in layers for node in made.graph.node)
    return made.SerializeToString(), convolutions


def converted(content: bytes, compute_capability: str) -> int:
    """Compile, and count the convolutions that the compiler says it turned into INT8. Raises EngineError."""
    trt = load_module("tensorrt-rtx")
    found: list[str] = []
    options = BuildOptions(Profile(1, 8, 32), compute_capability=compute_capability)
    build_plan(trt, content, options, lambda text: found.append(text) if WORDS in text else None)
    return len(found)


def main(networks: list[str]) -> int:
    print("| network | precision | compute capability | convolutions in INT8 | seconds |\n|---|---|---|---|---|")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for network in networks or shipped():
            for precision in ("fp32", "fp16", "int8"):
                content, wanted = graph(network, precision)
                path = Path(folder) / "graph.onnx"
                path.write_bytes(content)
                for capability in capabilities("tensorrt-rtx"):
                    started = time.monotonic()
                    command = [sys.executable, __file__, ONE, str(path), capability]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    number = (
                        done.stdout.strip() if not done.returncode else (done.stderr.splitlines() or ["?"])[-1][:80]
                    )
                    bad += number != str(wanted)
                    took = time.monotonic() - started
                    print(f"| {network} | {precision} | {capability} | {number} of {wanted} | {took:.1f} |", flush=True)
    return bool(bad)


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        print(converted(Path(sys.argv[2]).read_bytes(), sys.argv[3]))
        raise SystemExit
    raise SystemExit(main(sys.argv[1:]))
