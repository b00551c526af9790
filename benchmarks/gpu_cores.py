"""How many cores feed a GPU: from this machine's stage costs and the cards' published rates. An estimate.

    python benchmarks/gpu_cores.py [--films 96] [--seconds 4] [--cpu]

No card is measured. Its films a second are arithmetic: peak FP16 rate x EFFICIENCY / operations of a film. Small
networks use a few percent of a card's peak; the efficiency assumed is stated, and everything scales with it.
"""

import argparse

import numpy as np
import onnx
from folders import FORMATS, films, jpeg_films
from measure import table, write
from onnx import numpy_helper, shape_inference
from stages import costs

#: Peak TFLOP/s in FP16 on tensor cores, without sparsity, and a note. Published figures, looked up 2026-11.
CARDS = {
    "T4": (65, ""),
    "RTX 4060": (60, ", half of that where sums are kept in FP32"),
    "H200": (989, ""),
}
EFFICIENCY = 0.05


def operations(engine: str) -> float:
    """Floating-point operations a film: two for each multiply-add of the convolutions and dense layers."""
    from xscan.engine.runtime.open import find_engine

    model = onnx.load(find_engine(engine))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = shape_inference.infer_shapes(model).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.value_info, *graph.output)}
    weights = {w.name: numpy_helper.to_array(w).shape for w in graph.initializer}
    total = 0
    for node in graph.node:
        shape = weights.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type == "Conv" and shape:
            out = shapes[node.output[0]]
            total += 2 * int(np.prod(shape)) * int(np.prod(out[2:]))
        elif node.op_type in ("Gemm", "MatMul") and shape:
            total += 2 * int(np.prod(shape))
    return float(total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=96)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--cpu", action="store_true", help="processor time: for a machine that is busy")
    options = parser.parse_args()
    engine = "compact"
    flop = operations(engine)
    sets = {
        "1300 x 1000 JPEG": jpeg_films(options.films),
        "2500 x 2000 12-bit JPEG lossless": films("lossless", FORMATS["DICOM, JPEG lossless"], 2500, 2000, 48),
    }
    feeding, gain = [], []
    for name, folder in sets.items():
        cost = costs(folder, engine, options.films, options.seconds, cpu=options.cpu)
        before = sum(cost[stage] for stage in ("load", "decode", "resize", "gate"))
        for card, (peak, _) in CARDS.items():
            rate = peak * 1e12 * EFFICIENCY / flop
            feeding.append([card, name, rate, before, rate * before / 1000])
        for cores in (2, 8, 16, 64):
            here, there = 1000 * cores / (before + cost["network"]), 1000 * cores / before
            gain.append([name, cores, here, there, there / here])
    peaks = "; ".join(f"{card} {peak} TFLOP/s{note}" for card, (peak, note) in CARDS.items())
    write("gpu-cores", "Cores that feed a card (estimate)", [
        f"The default network takes {flop / 1e9:.2f} GFLOP a film. Published peak rates in FP16, without "
        f"sparsity: {peaks}. Assumed: {EFFICIENCY:.0%} of them. None of these cards was measured.",
        table(("card", "films", "card, films/s", "reading ms a film", "cores to feed it"), feeding),
        "What any of these cards changes: the network leaves the cores, which then only read.",
        table(("films", "cores", "films/s without a card", "with one", "times"), gain),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
