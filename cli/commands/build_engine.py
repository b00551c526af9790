"""`xscan build-engine`: a network in, an engine for this machine out, measured against the network."""

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.choices import EnginePrecision, EngineRuntime, RangeMethod
from ..terminal.console import Console
from ..terminal.options import Json, NoProgress, Quiet, Verbose
from ..terminal.progress import progress


def build_engine(
    model: Annotated[str, typer.Argument(help="An ONNX file of xscan export, or a shipped network's name.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="The engine to write, .json and .onnx beside it. Default: where xscan batch looks for it."),
    ] = None,
    precision: Annotated[
        EnginePrecision, typer.Option(help="auto: the fastest that is measured and accepted.")
    ] = EnginePrecision.auto,
    calibrate: Annotated[
        Path | None, typer.Option(help="Folder of radiographs to calibrate INT8 on, like those to be scanned.")
    ] = None,
    films: Annotated[int, typer.Option(min=1, help="Radiographs to calibrate on.")] = 512,
    method: Annotated[
        RangeMethod, typer.Option(help="How ranges are cut; auto: what changes p least.")
    ] = RangeMethod.auto,
    patients: Annotated[
        Path | None, typer.Option(help="CSV of the calibration films: file,patient[,fold]. Default: DATA.csv.")
    ] = None,
    accept: Annotated[
        Path | None, typer.Option(help="Folder of radiographs to measure on, best with a folder a class.")
    ] = None,
    accept_fold: Annotated[
        str, typer.Option(help="Folds to measure on, such as 9; empty: all that were not trained on.")
    ] = "",
    accept_patients: Annotated[
        Path | None, typer.Option(help="CSV of the films to measure on: file,patient[,fold]. Default: DATA.csv.")
    ] = None,
    runtime: Annotated[
        EngineRuntime, typer.Option(help="What the engine is for; auto: TensorRT where there is a GPU for it.")
    ] = EngineRuntime.auto,
    best_batch: Annotated[int, typer.Option(min=1, help="Batch size that TensorRT makes quickest.")] = 8,
    max_batch: Annotated[int, typer.Option(min=1, help="Largest batch of a TensorRT engine.")] = 32,
    workspace: Annotated[int, typer.Option(min=1, help="Megabytes that a TensorRT layer may use.")] = 1024,
    timing_cache: Annotated[
        Path | None, typer.Option(help="File with TensorRT's timings of earlier builds, kept for later ones.")
    ] = None,
    portable: Annotated[bool, typer.Option("--portable", help="Also for later GPUs and TensorRT versions.")] = False,
    mixed: Annotated[bool, typer.Option("--mixed", help="Where INT8 is refused, leave the worst layers in float.")] = (
        False
    ),
    force: Annotated[bool, typer.Option("--force", help="Write a refused engine all the same, marked.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the choice of calibration films.")] = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Build an engine for this machine: FP16 or INT8, calibrated on radiographs and measured against float32.

    Shipped networks bring their calibration and what their engines were measured to be worth: they need no
    radiographs. Without --out the engine is built where xscan batch takes it from. On a machine without an NVIDIA GPU
    it is for ONNX Runtime. What a calibration of your own found is kept in NAME.engine.calibration.json.
    Exit codes: 0 built; 2 usage; 4 no usable network or compiler, or refused by the gate.
    """
    from xscan.calibration.build_engine.accept import Refused
    from xscan.calibration.build_engine.build import build
    from xscan.calibration.build_engine.settings import BuildSettings, Say
    from xscan.engine.dataset.selection import parse_folds
    from xscan.engine.network.models import DEFAULT
    from xscan.engine.runtime.choose import choose, engines_folder, make_folder, place_of
    from xscan.engine.runtime.open import find_engine

    console = Console(quiet, verbose, json, no_progress)
    network = find_engine(model or DEFAULT)
    if out is None:
        out = place_of(network.stem)
        make_folder(out.parent)
    settings = BuildSettings(
        model=network,
        out=out,
        precision=precision.value,
        runtime=runtime.value,
        calibrate=calibrate,
        films=films,
        seed=seed,
        method=method.value,
        accept=accept,
        accept_folds=parse_folds(accept_fold),
        patients=patients,
        accept_patients=accept_patients,
        mixed=mixed,
        force=force,
        best_batch=best_batch,
        max_batch=max_batch,
        portable=portable,
        workspace=workspace << 20,
        timing_cache=timing_cache,
    )
    with progress(console) as show:
        stages = lambda stage, done, total: show(done, total, what=stage)  # noqa: E731
        say = Say(note=console.say, warn=console.warn, builder=console.detail, progress=stages)
        try:
            built = build(settings, say)
        except Refused as refused:
            if refused.verdict is not None:
                console.say(refused.verdict.as_text())
            if refused.best is not None:
                console.say(_mixed_text(refused.best.hurt, refused.best.left_out, refused.best.verdict.accepted))
            raise
    if built.verdict is not None:
        console.say(f"{built.verdict.as_text()}\n{'':26}measured on {built.sidecar.gate['measured_on']}")
    if built.agreement is not None:
        console.say(built.agreement.as_text())
    took = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in built.seconds.items())
    side = built.sidecar
    text = f"{out}: {side.precision} for {side.runtime} {side.runtime_version}" + (f" ({took})" if took else "")
    if choose().path == out:
        text += "\nxscan batch takes it from now on, where no --engine is named"
    elif out.parent == engines_folder():
        text += f'\nxscan batch takes it with --engine "{out}", every night after: xscan engine use "{out}"'
    console.result(built.as_dict(), text)


def _mixed_text(hurt: dict[str, float], left_out: tuple[str, ...], accepted: bool) -> str:
    lines = ["layers that hurt most, and the part of the change that each makes:"]
    lines += [f"  {part:7.1%}  {layer}" for layer, part in list(hurt.items())[:5]]
    fate = "is accepted: build it with --mixed" if accepted else "is refused too"
    lines.append(f"the best mixed graph leaves {len(left_out)} of {len(hurt)} layers in float and {fate}")
    return "\n".join(lines)
