"""The record of a training run, RUN/run.json: what it was asked for, and how far it came."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from xscan.engine.dataset.films import DataSet
from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import UsageError

from .settings import Settings


def open_run(
    run: Path,
    data: DataSet,
    settings: Settings,
    resume: bool,
    targets: Mapping[str, np.ndarray] | None,
    start_from: Path | None,
    teachers: Sequence[Path] = (),
) -> int | None:
    """Make or reopen the run folder; returns the epoch to start at, or None when the run is finished."""
    record = run / "run.json"
    wanted = json.loads(json.dumps({"settings": asdict(settings), "data": data.fingerprint}))
    if targets is not None:
        lines = (f"{file}|{np.round(targets[file], 5).tolist()}\n" for file in sorted(targets))
        wanted["targets"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    if start_from is not None:
        wanted["start_from"] = hashlib.sha256(start_from.read_bytes()).hexdigest()
    if teachers:
        wanted["teachers"] = [hashlib.sha256(teacher.read_bytes()).hexdigest() for teacher in teachers]
    if record.exists():
        old = json.loads(record.read_text(encoding="utf-8"))
        if not resume:
            raise UsageError(f"{run} holds a run already: add --resume to go on with it, or choose another --out")
        if changed := _changed(old, wanted):
            raise UsageError(f"{run} was made with other {', '.join(changed)}: give the same, or another --out")
        return None if old["finished"] else old["epochs_done"]
    if run.exists() and any(run.iterdir()):
        raise UsageError(f"{run} is not empty and holds no run: choose another --out")
    run.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version(), "keras": keras.__version__}
    versions["backend"] = keras.backend.backend()
    state = {"films": len(data.films), "versions": versions, "epochs_done": 0, "finished": False}
    write_json(record, wanted | state)
    return 0


def _changed(old: dict, wanted: dict) -> list[str]:
    """What a record was made with and what is asked for now differ in, for people."""
    keys = ("data", "targets", "start_from", "teachers")  # all but the first are in a record only where they were given
    changed = [key.replace("_", " ") for key in keys if old.get(key) != wanted.get(key)]
    before = _with_defaults(old["settings"])
    return changed + [name.replace("_", " ") for name, value in wanted["settings"].items() if before[name] != value]


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Of a record from before a setting existed: the setting's default is what that run used."""
    defaults = json.loads(json.dumps(asdict(Settings())))
    return defaults | settings | {"augmentation": defaults["augmentation"] | settings["augmentation"]}


def update_run(run: Path, **changes: object) -> None:
    record = run / "run.json"
    write_json(record, json.loads(record.read_text(encoding="utf-8")) | changes)


def write_json(path: Path, content: dict) -> None:
    replace_bytes(path, json.dumps(content, indent=1).encode(), in_own_folder)
