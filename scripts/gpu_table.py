#!/usr/bin/env python
"""Build, compare and time engines of the default network in every runtime and precision: the table of gpu_check.sh.

    python scripts/gpu_table.py [FOLDER WITH RADIOGRAPHS]     default: phantoms

Each engine is held against its own graph on ONNX Runtime, on the processor, film by film (ONNX Runtime's own engines
against the network in float32): largest and mean change of a probability, films whose class, band or gate changes.
Where Polygraphy is installed it runs TensorRT's plans, too, on the same pictures: where it agrees and xscan does not,
the fault is the runtime's, and not the compiler's. Each step is a process of its own, so that a crash costs one row.
Without an NVIDIA GPU the rows that need one say so. Exits 1 if anything failed, else 4 without a GPU.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from xscan.engine.errors import EngineError, FileProblem
from xscan.engine.find.discover import discover
from xscan.engine.machine.gpu import probe
from xscan.engine.network.models import DEFAULT
from xscan.engine.network.sidecar import RUNTIMES, onnx_path, read_sidecar
from xscan.engine.network.spec import InputSpec
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.decode import read_path
from xscan.engine.runtime.agreement import compare
from xscan.engine.runtime.engines import CUDA_PROVIDER, open_engine
from xscan.engine.runtime.open import find_engine, open_runtime

FILMS = 256  #: that engines are compared on
SIZES = (1, 8, 32)
NEAR = 0.005  #: of a logit, that Polygraphy takes as equal; a plan of INT8 may round one step otherwise
COLUMNS = (
    "runtime", "precision", "result", "films/s, batch 1", "batch 8", "batch 32", "p99 ms, batch 8", "cold start s",
    "largest change of p", "mean", "class", "band", "gate", "Polygraphy",
)  # fmt: skip
NO_CARD = "no card"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="?", type=Path)
    parser.add_argument("--compare", metavar="ENGINE", help="one engine against its graph, as JSON; CUDA: the network")
    options = parser.parse_args()
    if options.compare:
        print(json.dumps(compared(options.compare, options.films)))
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        films = options.films or phantoms(work / "films")
        print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS), flush=True)
        times: dict[tuple[str, str], float] = {}
        for runtime in RUNTIMES:
            for precision in ("fp32", "int8") if runtime == "onnxruntime" else ("fp32", "fp16", "int8"):
                cells = row(runtime, precision, films, options.films is not None, work)
                failed |= cells["result"].startswith("failed")
                times[runtime, precision] = 1 / float(cells.get("batch 8") or "inf")
                say({"runtime": runtime, "precision": precision} | cells)
        cells = cuda_row(films)
        failed |= cells["result"].startswith("failed")
        say({"runtime": "onnxruntime CUDA", "precision": "fp32"} | cells)
        print()
        for runtime in RUNTIMES[:-1]:
            fp16, int8 = times[runtime, "fp16"], times[runtime, "int8"]
            text = f"takes {int8 / fp16:.2f} of FP16's time, batch 8" if fp16 and int8 else "was not timed"
            print(f"- {runtime}: INT8 {text}")
    return 1 if failed else 0 if probe() else 4


def say(cells: dict[str, str]) -> None:
    print("| " + " | ".join(cells.get(column, "").replace("|", "/") for column in COLUMNS) + " |", flush=True)


def row(runtime: str, precision: str, films: Path, real: bool, work: Path) -> dict[str, str]:
    """Build, bench, compare: cells of one row."""
    compiles_anyway = runtime in ("tensorrt-rtx", "onnxruntime")
    if probe() is None and not compiles_anyway:
        return {"result": NO_CARD}
    engine = work / f"{runtime}-{precision}.engine"
    given = ("--calibrate", films, "--films", FILMS, "--accept", films, "--force") if real else ("--force",)
    built = xscan("build-engine", "--runtime", runtime, "--precision", precision, "--out", engine, *given)
    if built.returncode:
        return {"result": last_line(built)}
    if probe() is None and runtime != "onnxruntime":
        return {"result": f"compiled; {NO_CARD}"}
    done = xscan("bench", engine, "--batch", ",".join(map(str, SIZES)), "--json")
    if done.returncode:
        return {"result": last_line(done)}
    found = json.loads(done.stdout)
    rates = {rate["batch"]: rate for rate in found["rates"]}
    cells = {"result": "runs"} | timed(rates) | {"cold start s": f"{found['cold']['seconds']:.2f}"}
    done = python(__file__, films, "--compare", engine)
    if done.returncode:
        return cells | {"result": last_line(done)}
    cells |= agreed(json.loads(done.stdout))
    if runtime == "onnxruntime":
        cells["result"] = "runs"  # INT8 beside float32: its acceptance says whether that is good enough
    if runtime == "tensorrt":
        cells["Polygraphy"] = polygraphy(engine, films, work)
        if cells["Polygraphy"] == "differs":
            cells["result"] = "failed: Polygraphy finds another result in the plan than in its graph"
    return cells


def cuda_row(films: Path) -> dict[str, str]:
    """ONNX Runtime's CUDA provider with the network as it ships."""
    import onnxruntime

    if probe() is None:
        return {"result": NO_CARD}
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        return {"result": "onnxruntime-gpu is not installed"}
    done = python(__file__, films, "--compare", "CUDA")
    return {"result": last_line(done)} if done.returncode else {"result": "runs"} | agreed(json.loads(done.stdout))


def compared(engine: str, films: Path) -> dict[str, Any]:
    """An engine against its graph on ONNX Runtime, on the processor, on pictures of films. Raises EngineError."""
    network = find_engine(DEFAULT)
    path = network if engine == "CUDA" else Path(engine)
    itself = engine == "CUDA" or read_sidecar(path).runtime == "onnxruntime"
    with open_runtime(network if itself else onnx_path(path)) as reference:
        pictures = read(films, reference.manifest.input)
        expected = reference.outputs(pictures)
    with open_engine(path, gpu=engine == "CUDA") as runtime:
        parts = [runtime.outputs(pictures[i : i + 8]) for i in range(0, len(pictures), 8)]
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return compare(expected, found, runtime.manifest, runtime.description).as_dict()


def read(films: Path, spec: InputSpec) -> np.ndarray:
    """uint8 [films, height, width, 1] of the first films of a folder. Raises EngineError where there is none."""
    pictures: list[np.ndarray] = []
    for found in discover(films):
        if found.problem is None and found.member is None:
            try:
                pictures.append(to_input(read_path(Path(found.path)).grey, spec))
            except FileProblem:
                continue
        if len(pictures) == FILMS:
            break
    if not pictures:
        raise EngineError(f"no radiographs in {films}")
    return np.stack(pictures)[..., None]


def polygraphy(engine: Path, films: Path, work: Path) -> str:
    """The plan itself against its graph, by NVIDIA's own tool: `agrees`, `differs`, or why it was not asked."""
    if importlib.util.find_spec("polygraphy") is None:
        return "not installed"
    from polygraphy.json import save_json

    with open_runtime(onnx_path(engine)) as runtime:
        pictures = read(films, runtime.manifest.input)
    graph, saved, outputs = onnx_path(engine), work / "films.json", work / "outputs.json"
    save_json([{input_name(graph): part} for part in islice(np.split(pictures, range(8, len(pictures), 8)), 8)], saved)
    run = ("-m", "polygraphy", "run")
    done = python(*run, graph, "--onnxrt", "--load-inputs", saved, "--save-outputs", outputs)
    if done.returncode:
        return f"does not run the graph ({last_line(done)})"
    limits = ("--atol", NEAR, "--rtol", NEAR, "--check-error-stat", "mean")
    told = ("--model-type", "engine", "--trt", "--load-inputs", saved, "--load-outputs", outputs)
    return "differs" if python(*run, engine, *told, *limits).returncode else "agrees"


def input_name(graph: Path) -> str:
    import onnx

    return onnx.load(graph).graph.input[0].name


def timed(rates: dict[int, dict[str, float]]) -> dict[str, str]:
    cells = {f"batch {size}": f"{rates[size]['films_a_second']:.0f}" for size in SIZES}
    return {"films/s, batch 1": cells.pop("batch 1")} | cells | {"p99 ms, batch 8": f"{rates[8]['p99_ms']:.2f}"}


def agreed(found: dict[str, Any]) -> dict[str, str]:
    cells = {"largest change of p": f"{found['largest_change']:.4f}", "mean": f"{found['mean_change']:.5f}"}
    changed = {
        name: found[f"{key}_changed"] for name, key in (("class", "classes"), ("band", "bands"), ("gate", "gates"))
    }
    cells |= {name: f"{number} of {found['pictures']}" for name, number in changed.items()}
    return cells if found["agrees"] else cells | {"result": "failed: other results than its graph's"}


def phantoms(folder: Path) -> Path:
    xscan("phantom", folder, "--count", 64)
    return folder


def xscan(*arguments: object) -> subprocess.CompletedProcess[str]:
    return python("-m", "xscan.cli", *arguments)


def python(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    said = done.stderr.strip().splitlines()
    return f"failed: {said[-1][:120]}" if said else f"failed with {done.returncode}"


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except EngineError as error:
        raise SystemExit(f"gpu_table: {error}") from None
