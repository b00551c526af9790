"""`xscan engine`: what engines are here, which one runs, and what each says of itself."""

from typing import Annotated, Any

import typer

from ..settings.state import state
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(no_args_is_help=True, help="Look at engines, and choose one.", rich_markup_mode=None)


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


@app.command("list", short_help="Name the engines that are here, and which one runs.")
def list_engines(json: Json = False) -> None:
    """Name the shipped networks, the engines built here, and which one the next night takes."""
    from xscan.engine.network.sidecar import SUFFIX
    from xscan.engine.runtime.choose import choose, engines_folder
    from xscan.engine.runtime.in_use import uses
    from xscan.engine.runtime.open import find_engine, shipped

    choice = choose()
    built = sorted(engines_folder().glob("*" + SUFFIX))
    paths = [*((name, find_engine(name)) for name in shipped()), *((str(path), path) for path in built)]
    if choice.path not in [path for _, path in paths]:
        paths.append((str(choice.path), choice.path))
    engines = [{"engine": name, "file": str(path), "in_use": path == choice.path} for name, path in paths]
    changes = [vars(change) for change in uses(engines_folder())]
    console = Console(json=json)
    lines = [f"{'*' if engine['in_use'] else ' '} {engine['engine']}" for engine in engines]
    lines += [
        f"  since {c['since']}: {c['why'] or 'no reason given'}, by {c['accepted_by'] or '?'}" for c in changes[-1:]
    ]
    console.result({"engines": engines, "chosen_by": choice.by, "changes": changes}, "\n".join(lines))
    if choice.passed_over:
        console.warn(choice.passed_over)


@app.command(short_help="Take another engine from the next night on.")
def use(
    engine: Annotated[str, typer.Argument(help="An engine file, or the name of a shipped network.")],
    why: Annotated[str, typer.Option(help="Why it is changed; stands in the audit log, as the next two do.")] = "",
    measured: Annotated[str, typer.Option(help="What was measured: a figure, or an acceptance report's hash.")] = "",
    accepted_by: Annotated[str, typer.Option(help="Who has accepted it.")] = "",
    quiet: Quiet = False,
) -> None:
    """Take an engine from the next night on, wherever none is named; that night scores the list's films again.

    It must open and answer here, now. xscan engine back takes the change back.
    """
    from xscan.engine.nights import audit_log, clock
    from xscan.engine.runtime.choose import engines_folder, make_folder
    from xscan.engine.runtime.engines import open_engine
    from xscan.engine.runtime.in_use import use as take
    from xscan.engine.runtime.open import find_engine

    path = find_engine(engine)
    with open_engine(path) as runtime:
        network = runtime.manifest.label
    make_folder(engines_folder())
    now = clock.stamp(clock.now())
    chosen = take(engines_folder(), engine, path, now, why=why, measured=measured, accepted_by=accepted_by)
    told = {"engine_sha256": chosen.sha256, "network": network, "why": why, "measured": measured}
    audit_log.append(state(), "engine use", told | {"accepted_by": accepted_by})
    Console(quiet).say(f"from the next night on: {network} ({path.name}); lists of another engine are scored again")


@app.command(short_help="Take the last change of engine back.")
def back(quiet: Quiet = False) -> None:
    """Take the last xscan engine use back: the engine before it runs from the next night on."""
    from xscan.engine.nights import audit_log
    from xscan.engine.runtime.choose import choose, engines_folder
    from xscan.engine.runtime.in_use import back as take_back

    before = take_back(engines_folder())
    audit_log.append(state(), "engine back", {"engine_sha256": before.sha256 if before else ""})
    Console(quiet).say(f"from the next night on: {choose().path.name}; lists of another engine are scored again")


@app.command(short_help="Print the model card of a network.")
def card(
    file: Annotated[str, typer.Argument(help="An engine file, or the name of a shipped network.")] = "compact",
    json: Json = False,
) -> None:
    """Print a network's model card from its manifest: the items of CHAI's applied model card and of CLAIM 2024.

    What the manifest does not say is called so, and not made up.
    """
    from xscan.engine.network.card import as_markdown, card_of
    from xscan.engine.network.sidecar import is_built, read_sidecar
    from xscan.engine.runtime.open import find_engine, manifest_of_engine

    path = find_engine(file)
    built = read_sidecar(path) if is_built(path) else None
    found = card_of(manifest_of_engine(path), built)
    Console(json=json).result(found, as_markdown(found))


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
        unknown = "undecided" if gate.get("films") else "not measured"
        verdict = {True: "accepted", False: "refused", None: unknown}[gate.get("accepted")]
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
