"""`xscan bench`: how fast an engine is on this machine."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.engine import named_or_taken
from ..terminal.options import Json, Quiet


def bench(
    engine: Annotated[
        str, typer.Argument(help="An engine file, or the name of a shipped network. Default: what xscan batch takes.")
    ] = "",
    batch: Annotated[str, typer.Option(help="Batch sizes to measure.")] = "1,8,32",
    seconds: Annotated[float, typer.Option(min=0.1, help="At most so long for each batch size.")] = 5.0,
    films: Annotated[
        Path | None, typer.Option(help="Folder of radiographs: also measure with reading and decoding.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="At most so many films of that folder.")] = 200,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure an engine cold, in a new process, then warm: films a second and latency by batch size, until stable."""
    from itertools import islice

    from xscan.engine.find.discover import discover
    from xscan.engine.runtime.bench import measure, measure_cold, measure_decoding
    from xscan.engine.runtime.open import open_runtime

    console = Console(quiet=quiet, json=json)
    sizes = _sizes(batch)
    path = named_or_taken(engine, console).path
    cold = measure_cold(path, sizes[0])
    with open_runtime(path) as runtime:
        console.say(f"{runtime.manifest.label} on {runtime.description}")
        rates = []
        for size in sizes:
            rates.append(measure(runtime, size, seconds))
            console.say(f"batch {size}: {rates[-1].films_a_second:.0f} films a second")
        decoding = None
        if films is not None:
            found = (Path(f.path) for f in discover(films, follow_links=True) if f.problem is None and f.member is None)
            decoding = measure_decoding(runtime, islice(found, count))
            if decoding is None:
                console.warn(f"no radiographs in {films}")

    text = [
        f"cold: {cold.seconds:.2f} s for a new process, {cold.open_s:.2f} s of them to open the engine; "
        f"its first call, batch {cold.batch}: {cold.first_ms:.1f} ms",
        "warm:",
    ]
    text += [f"{'batch':>5} {'films/s':>9} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8}"]
    for r in rates:
        shaky = "" if r.stable else "  not stable"
        text.append(f"{r.batch:>5} {r.films_a_second:>9.1f} {r.p50_ms:>8.2f} {r.p90_ms:>8.2f} {r.p99_ms:>8.2f}{shaky}")
    if decoding is not None:
        text.append(
            f"with decoding, one core: {decoding.films_a_second:.1f} films/s of {decoding.films} "
            f"(read {decoding.read_ms:.2f} ms, network {decoding.network_ms:.2f} ms a film)"
        )
    data = {
        "model": runtime.manifest.label, "runtime": runtime.description, "sha256": runtime.sha256,
        "cold": {k: round(v, 3) for k, v in asdict(cold).items()},
        "rates": [r.as_dict() for r in rates],
        "decoding": {k: round(v, 3) for k, v in asdict(decoding).items()} if decoding is not None else None,
    }  # fmt: skip
    console.result(data, "\n".join(text))


def _sizes(text: str) -> list[int]:
    from xscan.engine.errors import UsageError

    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1:
        raise UsageError(f"cannot read --batch {text}: write sizes like 1,8,32")
    return sizes
