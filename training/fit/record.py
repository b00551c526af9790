"""The record of a training run, RUN/run.json: what it was asked for, and how far it came."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from xscan.engine.dataset.films import DataSet
from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import OutputError, UsageError

from .settings import Settings


@dataclass(frozen=True)
class Stand:
    """How far a run is, and what its record will say once it goes on."""

    start: int  #: the epoch to go on at
    base: int  #: the epoch at which the learning rate's present cycle began: 0, or where the run was extended
    record: dict[str, Any]


def open_run(
    run: Path,
    data: DataSet,
    settings: Settings,
    resume: bool,
    targets: Mapping[str, np.ndarray] | None,
    start_from: Path | None,
) -> Stand | None:
    """Look a run folder up, and write nothing; None when the run is finished.

    A finished run is extended where the same is asked for with more epochs: a new cycle of the learning rate begins
    at its trained weights. Raises UsageError for a folder that holds another run or other things, OutputError for
    one that cannot be made.
    """
    record = run / "run.json"
    wanted = json.loads(json.dumps({"settings": asdict(settings), "data": data.fingerprint}))
    if targets is not None:
        lines = (f"{file}|{np.round(targets[file], 5).tolist()}\n" for file in sorted(targets))
        wanted["targets"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    if start_from is not None:
        wanted["start_from"] = hashlib.sha256(start_from.read_bytes()).hexdigest()
    if record.exists():
        old = json.loads(record.read_text(encoding="utf-8"))
        if not resume:
            raise UsageError(f"{run} holds a run already: add --resume to go on with it, or choose another --out")
        return _reopened(run, old, wanted)
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UsageError(f"{run} is not empty and holds no run: choose another --out")
    _require_writable(run)
    versions = {"python": platform.python_version(), "keras": keras.__version__}
    versions["backend"] = keras.backend.backend()
    state = {"films": len(data.films), "versions": versions, "epochs_done": 0, "finished": False}
    return Stand(0, 0, wanted | state)


def begin(run: Path, stand: Stand) -> None:
    """Make the run folder, or take a run up again. Raises OutputError."""
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise OutputError(f"cannot make {run}: choose another --out") from None
    write_json(run / "run.json", stand.record)


def _reopened(run: Path, old: dict[str, Any], wanted: dict[str, Any]) -> Stand | None:
    done, extended = old["settings"]["epochs"], old.get("extended_at", [])
    more = wanted["settings"]["epochs"]
    extends = old["finished"] and more > done
    if changed := _changed(old, wanted, skip=("epochs",) if extends else ()):
        hint = "; it can be extended once it is finished" if more > done and not old["finished"] else ""
        raise UsageError(
            f"{run} was made with other settings ({', '.join(changed)}): give those, or another --out{hint}"
        )
    if extends:
        again = {"settings": wanted["settings"], "finished": False, "extended_at": [*extended, done]}
        return Stand(done, done, old | again)
    if old["finished"]:
        return None
    return Stand(old["epochs_done"], extended[-1] if extended else 0, old)


def _require_writable(run: Path) -> None:
    """Before films are read for minutes."""
    there = next(place for place in (run, *run.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise OutputError(f"cannot make {run}: {there} cannot be written to; choose another --out")


def _changed(old: dict, wanted: dict, skip: Sequence[str] = ()) -> list[str]:
    """What a record was made with and what is asked for now differ in, for people: `epochs 16`, as it was."""
    keys = ("data", "targets", "start_from")  # all but the first are in a record only where they were given
    changed = [f"other {key.replace('_', ' ')}" for key in keys if old.get(key) != wanted.get(key)]
    before = _with_defaults(old["settings"])
    for name, value in wanted["settings"].items():
        if before[name] != value and name not in skip:
            changed.append(name.replace("_", " ") + (f" {before[name]}" if _plain(before[name]) else ""))
    return changed


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Of a record from before a setting existed: the setting's default is what that run used."""
    defaults = json.loads(json.dumps(asdict(Settings())))
    return defaults | settings | {"augmentation": defaults["augmentation"] | settings["augmentation"]}


def update_run(run: Path, **changes: object) -> None:
    record = run / "run.json"
    write_json(record, json.loads(record.read_text(encoding="utf-8")) | changes)


def write_json(path: Path, content: dict) -> None:
    replace_bytes(path, json.dumps(content, indent=1).encode(), in_own_folder)
