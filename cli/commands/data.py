"""`xscan data describe`, `pack`, `split`: look at a labelled data set, pack it, part it."""

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.logs import plain_warnings
from ..terminal.options import Json, NoProgress, Patients, Quiet, Verbose
from ..terminal.progress import progress

app = typer.Typer(no_args_is_help=True, help="Describe, pack and split a labelled data set.", rich_markup_mode=None)

Data = Annotated[Path, typer.Argument(help="Folder with a folder a class: normal, bacteria, virus; or a packed set.")]


@app.callback()
def root() -> None:
    """Describe, pack and split a labelled data set."""


@app.command(short_help="Count films, sizes, copies, patients and conflicts.")
def describe(
    data: Data,
    html: Annotated[Path | None, typer.Option(help="Page to write: plots and a contact sheet. It holds films.")] = None,
    split: Annotated[Path | None, typer.Option(help="CSV (file,part) to describe in place of the folds.")] = None,
    patients: Patients = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Count films, sizes, copies, patients and label conflicts, and tell how well a model could cheat.

    File names are printed with --json and on the page only: a name can hold a patient's.
    """
    from xscan.engine.machine.install import require

    require("sklearn", *(["matplotlib"] if html is not None else []))
    from xscan.engine.dataset.csvs import read_split
    from xscan.engine.dataset.folder import load_folder
    from xscan.training.data.describe import describe as run
    from xscan.training.data.survey import survey
    from xscan.training.pages.page import require_page

    console = Console(quiet, verbose, json, no_progress)
    if html is not None:
        require_page(html)
    with plain_warnings(console):
        films = load_folder(data, patients)
    parts = read_split(split) if split else None
    with progress(console, "reading", len(films.films)) as show:
        description = run(films, survey(films, show), parts)
    if html is not None:
        from xscan.training.data.describe_page import write_describe_page

        write_describe_page(description, f"Data set {data.name}", html)
        console.say(f"{html} holds radiographs: keep it on this machine")
    console.result(description.figures, description.as_text())


@app.command(short_help="Pack films into arrays after the one preprocessing.")
def pack(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder to make; it must not exist.")],
    size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the square matrices in pixels.")] = 256,
    patients: Patients = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Pack films into arrays after the one preprocessing: every command that takes DATA takes the set, too."""
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.packed import write_set
    from xscan.engine.network.spec import InputSpec

    console = Console(quiet, verbose, json, no_progress)
    with plain_warnings(console):
        films = load_folder(data, patients)
    with progress(console, "packing", len(films.films)) as show:
        packed = write_set(films, out, InputSpec(size, size), show)
    if packed.unreadable:
        console.warn(f"{len(packed.unreadable)} files cannot be read and are left out; {out / 'set.json'} lists them")
    console.result(
        packed.as_dict(),
        f"{out}: {packed.films} films of {size} x {size}, {packed.bytes / 1e6:.1f} MB, {packed.fingerprint[:16]}",
    )


@app.command(short_help="Part the films, patients and copies together.")
def split(
    data: Data,
    out: Annotated[Path, typer.Option(help="CSV to write: file,part.")],
    parts: Annotated[str, typer.Option(help="The parts and their shares.")] = "train=0.8,test=0.2",
    like_study: Annotated[
        bool,
        typer.Option("--like-study", help="Part films at random, as the study did: patients stand on both sides."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    patients: Patients = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Part the films, stratified by class; films of one patient and copies of one film stay together."""
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.errors import UsageError
    from xscan.training.data.split import grouped_split, parse_parts, part_table, study_split, write_split

    console = Console(quiet, verbose, json, no_progress)
    shares = parse_parts(parts)
    if like_study and shares != parse_parts("train=0.8,test=0.2"):
        raise UsageError("--like-study has the study's parts, train=0.8,test=0.2: leave out --parts")
    with plain_warnings(console):
        films = load_folder(data, patients)
    if like_study:
        listed, labels, groups = films.films, films.labels, None
        placed = study_split(labels, seed)
    else:
        from xscan.training.data.copies import find_copies, groups_of
        from xscan.training.data.survey import survey

        with progress(console, "reading", len(films.films)) as show:
            found = survey(films, show)
        if found.unreadable:
            console.warn(f"{len(found.unreadable)} files cannot be read and are in no part")
        listed, labels = found.films, found.labels
        groups = groups_of(found.patients, find_copies(found))
        placed = grouped_split(labels, groups, shares, seed)
    write_split(out, [film.file for film in listed], placed)
    result = {"split": str(out), "seed": seed, "films": len(listed), "parts": part_table(labels, placed)}
    if groups is not None:
        result["groups"] = len(set(groups.tolist()))
    text = [f"{part}: {sum(of.values())} films ({', '.join(f'{n} {name}' for name, n in of.items())})"
            for part, of in result["parts"].items()]  # fmt: skip
    console.result(result, "\n".join([f"{out}: {len(listed)} films", *text]))
