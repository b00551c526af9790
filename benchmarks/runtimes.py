"""The same network file in ONNX Runtime and in OpenVINO, one thread a core, every core busy at the same time.

    python benchmarks/runtimes.py FILE.onnx ... [--batch 8] [--seconds 4] [--python OTHER/bin/python]

A file is a network of `xscan export` or the `.onnx` that `xscan build-engine` leaves beside an engine, INT8 included.
OpenVINO is no dependency of xscan: --python names an interpreter that has it and ONNX Runtime. Milliseconds a film,
medians; the runtimes take turns in each process. `difference`: the largest of a logit from ONNX Runtime's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import table, write

PRECISIONS = ("f32", "bf16")


def onnx_runtime(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, outputs = session.get_inputs()[0].name, [output.name for output in session.get_outputs()]
    at = outputs.index("logits")
    return lambda pictures: np.asarray(session.run(outputs, {name: pictures})[at])


def openvino(path: Path, precision: str) -> Callable[[np.ndarray], np.ndarray]:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    model = openvino.Core().compile_model(path, "CPU", settings | {"ENABLE_CPU_PINNING": False})
    request = model.create_infer_request()
    return lambda pictures: np.array(request.infer([pictures])["logits"])


def one(path: Path, batch: int, seconds: float) -> dict[str, list[float]]:
    """By runtime: milliseconds a film, and the largest difference of a logit."""
    import onnx

    side = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[1].dim_value
    pictures = np.random.default_rng(0).integers(0, 256, (batch, side, side, 1), np.uint8)
    ways = {"ONNX Runtime": onnx_runtime(path)}
    ways |= {f"OpenVINO, {precision}": openvino(path, precision) for precision in PRECISIONS}
    expected = ways["ONNX Runtime"](pictures)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    end = time.monotonic() + seconds * len(ways)
    while time.monotonic() < end:
        for name, infer in ways.items():
            began = time.perf_counter()
            for _ in range(10):
                infer(pictures)
            taken[name].append(100 * (time.perf_counter() - began) / batch)
    difference = {name: float(np.abs(infer(pictures) - expected).max()) for name, infer in ways.items()}
    return {name: [statistics.median(values[1:]), difference[name]] for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each runtime")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has openvino")
    parser.add_argument("--one", action="store_true", help="measure in this process, print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.files[0], options.batch, options.seconds)))
        return
    lines = []
    for path in options.files:
        command = [options.python, __file__, str(path), "--batch", str(options.batch)]
        command += ["--seconds", str(options.seconds), "--one"]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in os.sched_getaffinity(0)]
        found = [json.loads(process.communicate()[0]) for process in running]
        base = statistics.mean(each["ONNX Runtime"][0] for each in found)
        for name in found[0]:
            ms = statistics.mean(each[name][0] for each in found)
            lines.append([path.name, name, ms, f"{base / ms:.2f}", f"{found[0][name][1]:.2g}"])
    header = ("network", "runtime", "ms a film", "times ONNX Runtime", "difference")
    write("runtimes", "Runtimes on the CPU", [table(header, lines)])


if __name__ == "__main__":
    main()
