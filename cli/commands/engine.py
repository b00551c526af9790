"""`xscan engine show`: what an engine is, what it was built for, and whether it runs here."""

from typing import Annotated, Any

import typer

from ..terminal.console import Console
from ..terminal.options import Json

app = typer.Typer(no_args_is_help=True, help="Look at engines.", rich_markup_mode=None)


@app.callback()
def root() -> None:
    """Look at engines."""


@app.command(short_help="Show what an engine is, and whether it runs here.")
def show(
    file: Annotated[str, typer.Argument(help="An engine file, or the name of a shipped network.")],
    json: Json = False,
) -> None:
    """Show an engine's manifest, layers with precisions, what it was built for, and whether it runs here."""
    from xscan.engine.network.sidecar import is_built
    from xscan.engine.runtime.open import find_engine
    from xscan.engine.runtime.show import describe_engine, describe_network

    path = find_engine(file)
    data = describe_engine(path) if is_built(path) else describe_network(path)
    Console(json=json).result(data, _text(data))


def _text(data: dict[str, Any]) -> str:
    manifest = data["manifest"]
    size = manifest["input"]
    lines = [
        f"{data['file']}",
        f"  network       {manifest['name']}@{manifest['version']}, {size['width']} x {size['height']}, "
        f"temperature {manifest['temperature']}",
        f"  thresholds    rule-out {manifest['rule_out']['threshold']}, rule-in {manifest['rule_in']['threshold']}",
        f"  precision     {data['precision']}",
        f"  runtime       {data['runtime']}",
    ]
    if built := data.get("built_for"):
        kind = f"{built['gpu']}, compute capability {built['compute_capability']}, driver {built['driver']}"
        anywhere = "any machine" if data["runtime"].startswith("onnx") else "the GPUs of its compiler; none was here"
        lines.append(f"  built for     {kind if built['gpu'] else anywhere}{', portable' * built['portable']}")
    if data.get("profile"):
        lines.append("  batch sizes   {least} to {most}, best {best}".format(**data["profile"]))
    if calibration := data.get("calibration"):
        lines.append(f"  calibration   {calibration['films']} radiographs, {calibration['method']}")
    if gate := data.get("gate"):
        verdict = {True: "accepted", False: "refused", None: "not measured"}[gate.get("accepted")]
        films = f" on {gate['films']} films, by {gate.get('measured_on', '?')}" if gate.get("films") else ""
        lines.append(f"  gate          {verdict}{films}{', written with --force' * bool(gate.get('forced'))}")
        for line in gate.get("lines", ()):
            lines.append("    {figure:22}{reference:9.4f} -> {candidate:.4f}".format(**line))
        if plan := gate.get("plan"):
            fate = "agrees" if plan["agrees"] else "does not agree"
            lines.append(
                f"  plan          {fate} with its graph on {plan['pictures']} phantoms, by {plan['measured_on']}: "
                f"p changes by {plan['mean_change']:.4f}, at most {plan['largest_change']:.4f}"
            )
    for key, value in data.get("sha256", {}).items():
        lines.append(f"  sha256        {value[:16]}  {key}")
    lines.append(f"  runs here     {'yes' if data['runs_here'] else 'no: ' + data['reason']}")
    lines += [f"  warning       {doubt}" for doubt in data.get("doubts", ())]
    if layers := data.get("layers"):
        lines.append("  layers")
        lines += [f"    {kind:5} {name}" for name, kind in layers.items()]
    if compiled := data.get("compiled"):
        lines.append("  layers as compiled, and their output")
        lines += [f"    {name}  {kind}" for name, kind in compiled.items()]
    return "\n".join(lines)
