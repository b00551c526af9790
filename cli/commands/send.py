"""`xscan send`: results of a list to a PACS."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from ..settings.pacs import destination, state_folder
from ..settings.state import state as history_folder
from ..terminal.console import Console
from ..terminal.options import Json, NoProgress, Quiet, Verbose


def send(
    csv: Annotated[Path | None, typer.Argument(help="The triage list. Without one: only what waits already.")] = None,
    folder: Annotated[
        Path | None, typer.Argument(help="The scanned folder. Default: looked for beside the list, by its digest.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="A PACS, [pacs.NAME] in xscan.toml; may be given several times.")
    ] = None,
    engine: Annotated[str, typer.Option(help="The engine that made the list, for contours.")] = "",
    wait: Annotated[float, typer.Option(min=0, help="Minutes to go on trying while a PACS does not take all.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Send once more what was sent, or had failed.")] = False,
    state: Annotated[Path | None, typer.Option(help="Folder of the outbox. Default: in the folder of state.")] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Send the results of a list to a PACS: a structured report and a picture of each scored DICOM film.

    They go through an outbox: what a PACS does not take now waits, and the same command sends it later. What was
    sent is not sent again. Exit codes: 0 all is there; 3 something was refused for good, or its film is gone; 5
    something waits.
    """
    from xscan.engine.errors import PeerError, UsageError

    from ..terminal.logs import set_up_logging
    from ..terminal.progress import progress
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json, no_progress)
    set_up_logging(console, None)
    if not to:
        raise UsageError("name a PACS with --to: [pacs.NAME] in xscan.toml, see docs/pacs.md")
    destinations = [destination(name) for name in dict.fromkeys(to)]
    place = state_folder(state)
    from xscan.engine.pacs.hush import hushed
    from xscan.engine.pacs.send import require_libraries

    for one in destinations:
        require_libraries(one)
    with stopping() as stop, progress(console, "results") as show:
        put: dict[str, dict[str, Any]] = {
            one.name: _enqueue(csv, folder, one, place, again, console) if csv is not None else {}
            for one in destinations
        }
        counts: dict[str, int] = {}

        def told(name: str, done: int) -> None:
            counts[name] = done
            show(sum(counts.values()))

        with hushed(), ThreadPoolExecutor(len(destinations)) as threads:  # a dead PACS keeps no other one waiting
            runs = [threads.submit(_deliver, one, place, engine, wait, stop, told) for one in destinations]
            results: list[dict[str, Any]] = [
                put[one.name] | run.result() for one, run in zip(destinations, runs, strict=True)
            ]
    for result in results:
        console.say(_text(result))
    if json:
        console.result({"sent_to": results}, "")
    if stop.is_set():
        console.say("interrupted: what was not sent waits in the outbox")
        raise typer.Exit(130)
    if waiting := [result["pacs"] for result in results if result["waiting"]]:
        problems = "; ".join(str(result["problem"]) for result in results if result["problem"])
        raise PeerError(
            f"{sum(result['waiting'] for result in results)} objects wait for {', '.join(waiting)}"
            + (f" ({problems})" if problems else "")
            + ": run the same command again"
        )
    if any(result["failed"] or result.get("gone") for result in results):
        raise typer.Exit(3)


def _enqueue(csv: Path, folder: Path | None, to, state: Path, again: bool, console: Console) -> dict[str, Any]:
    from importlib.metadata import version

    from xscan.engine.errors import UsageError
    from xscan.engine.lists.run_report import manifest_of
    from xscan.engine.lists.table import rows_in
    from xscan.engine.pacs.films import folder_of
    from xscan.engine.pacs.outbox import Outbox

    from ..terminal.batch_summary import plural

    if not csv.is_file():
        raise UsageError(f"no list {csv}: make it with xscan batch")
    next(rows_in(csv), None)  # what is no list is said before its films are looked for
    manifest = manifest_of(csv)
    points = (manifest.rule_out.threshold, manifest.rule_in.threshold) if manifest else None
    films = folder or folder_of(csv)
    with Outbox(state) as outbox:
        put = outbox.enqueue(films, rows_in(csv), to, points, version("xscan"), again=again)
    if put.no_dicom:
        console.say(f"{plural(put.no_dicom, 'scored film')} without a DICOM identity: nothing can be sent of these")
    if put.gone:
        console.warn(f"{plural(put.gone, 'film')} of the list are gone from {films}, or have changed: run batch again")
    return {"new": put.new, "known": put.known, "no_dicom": put.no_dicom, "gone": put.gone}


def _deliver(to, state: Path, engine: str, wait: float, stop, told) -> dict[str, Any]:
    from dataclasses import asdict

    from xscan.engine.pacs.send import deliver
    from xscan.engine.runtime.open import find_engine

    done = deliver(
        state,
        to,
        engine=find_engine(engine) if engine else None,
        wait=60 * wait,
        now=True,
        audit=history_folder(),
        stop=stop,
        progress=lambda done: told(to.name, done.sent),
    )
    return {"pacs": to.name, **asdict(done)}


def _text(result: dict[str, Any]) -> str:
    from ..terminal.batch_summary import plural

    text = f"{result['pacs']}: {plural(result['sent'], 'object')} sent"
    text += f", {result['warned']} of them with a warning" if result["warned"] else ""
    text += f", {result['failed']} failed" if result["failed"] else ""
    text += f", {result['waiting']} waiting" if result["waiting"] else ""
    codes = ", ".join(f"{code} {number}" for code, number in sorted(result["codes"].items()))
    text += f" ({codes})" if codes else ""
    irregular = ", ".join(f"{told} {number}" for told, number in sorted(result["irregular"].items()))
    return text + (f"; against the standard in the films themselves: {irregular}" if irregular else "")
