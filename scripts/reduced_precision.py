"""What FP16 and both INT8 graphs of a shipped network are worth against float32: the tables of docs/gpu.md.

    python scripts/reduced_precision.py [NETWORK ...] ../shared/data/kermany224 ../shared/data/elsewhere

The graphs are those that `xscan build-engine` makes without radiographs. Of a folder with folds the held-out one, fold
9, is measured on, of another all films; nothing is chosen by these figures. All graphs run on ONNX Runtime, on a
processor: of TensorRT's they show what their numbers are worth, not what a card makes of them. ONNX Runtime has no FP16
convolution there: it rounds weights and activations, and adds up in float32.
"""

import argparse
from pathlib import Path

import numpy as np

from xscan.calibration.acceptance.verdict import SAME_CLASS, Verdict, compare
from xscan.calibration.build_engine import emit
from xscan.calibration.build_engine.calibrate import known
from xscan.calibration.build_engine.plan import make_plan
from xscan.calibration.build_engine.settings import BuildSettings
from xscan.calibration.graphs import run
from xscan.calibration.int8 import films
from xscan.engine.dataset.folder import list_films
from xscan.engine.errors import DataSetError
from xscan.engine.network.models import DEFAULT
from xscan.engine.runtime.open import find_engine, shipped

SHOWN = {
    "FP16": "FP16 for TensorRT",
    "INT8, TensorRT's graph": "INT8 for TensorRT",
    "INT8, ONNX Runtime's graph": "INT8 for ONNX Runtime, 8-bit weights",
}
CHANGES = {SAME_CLASS: "films whose class changes", "same priority": "films whose band changes"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NETWORK or DATA")
    names = parser.parse_args().names
    networks = [name for name in names if name in shipped()] or [DEFAULT]
    for network in networks:
        for folder in (Path(name) for name in names if name not in shipped()):
            print("\n".join(table(network, folder)), end="\n\n", flush=True)


def table(network: str, folder: Path) -> list[str]:
    plan = make_plan(BuildSettings(find_engine(network), Path("x.engine"), runtime="onnxruntime"))
    calibration = known(plan)
    if calibration is None:
        raise DataSetError(f"{network} brings no calibration: run scripts/ship_calibration.py")
    listed = list_films(folder)
    held_out = [film for film in listed if film.fold == films.HELD_OUT]
    pictures = films.read([film for film in held_out or listed if film.group], plan.manifest.input)
    reference = run.outputs(plan.model, pictures.pixels)
    patients = np.array([film.patient for film in pictures.films])
    graphs = emit.without_radiographs(plan, calibration)
    verdicts = {
        title: compare(
            reference, run.outputs(graphs[name].model, pictures.pixels), pictures.labels, plan.manifest,
            patients=patients,
        )
        for title, name in SHOWN.items()
    }  # fmt: skip
    where = f"the {len(pictures.films)} films of {folder.name}" + (", fold 9" if held_out else "")
    return [f"`{plan.manifest.label}` on {where}:", "", *rows(verdicts)]


def rows(verdicts: dict[str, Verdict]) -> list[str]:
    lines = ["| | float32 | " + " | ".join(verdicts) + " |", "| --- |" + " ---: |" * (len(verdicts) + 1)]
    for number, line in enumerate(next(iter(verdicts.values())).lines):
        of_each = [verdict.lines[number] for verdict in verdicts.values()]
        if line.figure in CHANGES:
            films = [verdict.films for verdict in verdicts.values()]
            cells = [f"{x.loss:.1%} ({round(x.loss * n)})" for x, n in zip(of_each, films, strict=True)]
            lines.append(f"| {CHANGES[line.figure]} | | " + " | ".join(cells) + " |")
        else:
            before = "" if line.figure == "mean change of p" else f"{line.reference:.4f}"
            lines.append(f"| {line.figure} | {before} | " + " | ".join(f"{x.candidate:.4f}" for x in of_each) + " |")
    return lines


if __name__ == "__main__":
    main()
