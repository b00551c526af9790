"""Join the lists of several shards into one, in discovery's order, with the rules that cross shards."""

import heapq
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..disk.overwrite import require_absent
from ..disk.replace import replacing
from ..errors import UsageError
from ..find.found import order_key
from ..find.shard import Shard
from .doubles import Doubles
from .run_report import RunReport, State
from .table import HEADER, Row, encode, read_rows, require_list, rows_in

MOST = 500  #: lists, all open at once


def merge(out: Path, parts: list[Path], any_engine: bool = False) -> int:
    """Write `out`, a list with the rows of all `parts`; returns the number of rows.

    A film that two shards scored is kept once; raw data gives way to its film for presentation.
    any_engine: let lists pass that different engines made, of one network. Raises UsageError for a missing part, one
    that was not finished, a shard that no part holds, a file that is in two parts, lists of different networks,
    engines or operating points. Raises OutputError for an `out` that exists, unless an earlier merge made it of lists
    of the same names.
    """
    source = ", ".join(sorted(part.name for part in parts))
    ours = require_list if _is_merged_from(source, out) else require_absent
    ours(out)
    for name in (out.name + ".part", out.name + ".prev"):  # of a batch that is to go on, perhaps
        require_absent(out.with_name(name))
    if len(parts) > MOST:
        raise UsageError(f"{len(parts)} lists are too many at once: scan in at most {MOST} shards")
    for part in parts:
        if not part.is_file():
            half = part.with_name(part.name + ".part").exists()
            why = "not finished: run its batch again" if half else "not there: check its name, or run its shard's batch"
            raise UsageError(f"{part} is {why}")
    _require_all_shards(parts)
    _require_same_points(parts)
    if not any_engine:
        _require_one_engine(parts)
    rows = 0
    with (
        Doubles() as doubles,
        replacing(out, ours, private=True) as stream,
        tempfile.TemporaryFile(dir=out.parent) as unresolved,
    ):
        unresolved.write(HEADER)
        for row in _rows(parts):
            unresolved.write(encode([doubles.see(row)]))
        unresolved.seek(0)
        stream.write(HEADER)
        for row in read_rows(unresolved):
            stream.write(encode([doubles.resolve(row)]))
            rows += 1
        reports = [report for part in parts if (report := RunReport.read(part)) is not None]
        RunReport(State.MERGED, source=source, manifest=reports[0].manifest if reports else {}).write(out)
    return rows


def _is_merged_from(source: str, out: Path) -> bool:
    """Is `out` what an earlier call made of lists of these names: those of last night?"""
    report = RunReport.read(out)
    return report is not None and (report.state, report.source) == (State.MERGED, source)


def _require_all_shards(parts: list[Path]) -> None:
    """Raise UsageError where a run report says that there are more shards than `parts`. A list without one passes."""
    shards = {shard for part in parts if (shard := _shard(part)) is not None}
    if len(parts) > 1 and Shard() in shards:
        raise UsageError("one of the lists is of a whole folder: give the lists that batch --shard made of one folder")
    for of in {shard.of for shard in shards}:
        if lacking := [str(Shard(i, of)) for i in range(1, of + 1) if Shard(i, of) not in shards]:
            raise UsageError(f"shard {', '.join(lacking)} is missing: give its list, too")


def _require_one_engine(parts: list[Path]) -> None:
    """Raise UsageError where run reports name different engines. A list without one passes."""
    engines = {part: engine for part in parts if (engine := _setting(part, "engine"))}
    if len(set(engines.values())) > 1:
        first, *others = engines
        other = next(part for part in others if engines[part] != engines[first])
        raise UsageError(
            f"{other} was made with another engine than {first}: scan both with one --engine, "
            "or add --any-engine to join them as they are"
        )


def _require_same_points(parts: list[Path]) -> None:
    """Raise UsageError where run reports tell of different operating points: a band would not mean one thing."""
    wished = {part: points for part in parts if (points := _settings(part).get("points"))}
    for part, points in wished.items():
        if points != wished[first := next(iter(wished))]:
            raise UsageError(
                f"{part} was made with other operating points than {first}: scan both with one --rule-out and --rule-in"
            )


def _shard(part: Path) -> Shard | None:
    try:
        shard = _setting(part, "shard")
        return Shard.parse(shard) if shard else None
    except UsageError:
        return None


def _setting(part: Path, name: str) -> str:
    """A setting that shaped a list's rows, by the run report beside it; empty where it does not say."""
    value = _settings(part).get(name)
    return value if isinstance(value, str) else ""


def _settings(part: Path) -> dict[str, Any]:
    report = RunReport.read(part)
    return report.settings if report else {}


def _rows(parts: list[Path]) -> Iterator[Row]:
    models: set[str] = set()
    last = None
    for row in heapq.merge(*map(rows_in, parts), key=lambda row: order_key(row.file)):
        if row.file == last:
            raise UsageError("two of the lists have the same file: they are not shards of one run")
        models |= {row.model} - {""}
        if len(models) > 1:
            raise UsageError(f"the lists were made with different networks: {', '.join(sorted(models))}")
        last = row.file
        yield row
