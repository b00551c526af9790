"""What a nightly job runs, a batch or a fetch with a scan: checked when it is installed, every path made absolute."""

import os
import shutil
from pathlib import Path
from typing import Any

from xscan.engine.errors import UsageError

from ..notify import words
from ..settings.file import current, is_path
from ..settings.pacs import destination
from .job import NightlyJob


def nightly_job(root: Any, command: list[str], name: str, at: str, notify: str, user: str = "") -> NightlyJob:
    """A job from a command line, taken apart by the command's own parser but not run. Raises UsageError.

    user: as whom the machine's systemd is to run it.
    """
    kind = command[0]
    if kind not in ("batch", "fetch"):
        raise UsageError(
            f"cannot schedule {kind}: put a batch behind --, such as -- batch FOLDER --out LIST, or a fetch"
        )
    nightly = root.command.commands[kind]
    ctx = nightly.make_context(kind, list(command[1:]), parent=root)
    with ctx:
        if kind == "batch":
            _check_batch(ctx.params)
        else:
            _check_fetch(ctx.params, at)
        out = os.path.abspath(ctx.params["out"])
        line = [
            word for param in nightly.params for word in words_of(ctx, param) if param.name not in ("out", "notify")
        ]
        told = notify or ctx.params["notify"]
        config = str(current().file or "")
        told_by = _program(told) if told else []
        words = [kind, *line, f"--out={out}"]
        return NightlyJob(name, at, out, words, told_by, config, user, *_folders(ctx.params))


def _folders(params: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Where the run writes: folders that are there now; and those of them that hold lists and pages."""
    from xscan.engine.nights.dated import standing_folder

    from ..settings.file import table
    from ..settings.state import state

    shown = {standing_folder(path) for path in (params["out"], params.get("report_file")) if path}
    log = {standing_folder(params["log_file"])} if params.get("log_file") else set()
    films = {Path(os.path.abspath(params[name])) for name in ("folder", "state") if params.get(name)}  # of a fetch
    log |= {path if path.is_dir() else path.parent for path in films}
    history = {state().absolute()} if table("nights").get("state") else set()
    return sorted(map(str, shown | log | history)), sorted(map(str, shown))


def _check_fetch(params: dict[str, Any], at: str) -> None:
    """As `_check_batch`."""
    from datetime import time

    from xscan.engine.nights import dated
    from xscan.engine.pacs.window import query_of

    if not params["scan"]:
        raise UsageError("a nightly fetch makes the list, too: add --scan, and --out LIST")
    source = destination(params["source"])
    if not source.may_fetch(time.fromisoformat(at)):
        raise UsageError(f"--at {at} is outside the off-peak hours of [pacs.{source.name}]: no film would be fetched")
    query_of(params["since"], params["overlap"], params["modality"], params["accession_list"])
    dated.check(params["out"])


def _check_batch(params: dict[str, Any]) -> None:
    """What the parser cannot see and the run would refuse at night."""
    from xscan.engine.batch.budget import FailureBudget
    from xscan.engine.find.shard import Shard
    from xscan.engine.lists.formats import check_formats
    from xscan.engine.nights import dated
    from xscan.engine.runtime.open import find_engine

    for folder in params["films"]:
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder {folder}: check the name, and that its share is there")
    dated.check(params["out"])
    FailureBudget.parse(params["max_failures"])
    Shard.parse(params["shard"])
    check_formats(f.value for f in params["format"] or ())
    if params["engine"]:
        find_engine(params["engine"])


def words_of(ctx: Any, param: Any) -> list[str]:
    """The words of one option or argument that was given; what the settings file says is left to it."""
    if getattr(ctx.get_parameter_source(param.name), "name", "") != "COMMANDLINE":
        return []
    value = ctx.params[param.name]
    if getattr(param, "is_flag", False):
        return [param.opts[-1]] if value else []
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    texts = [_absolute(param, item) for item in items]
    return texts if param.param_type_name == "argument" else [f"{param.opts[-1]}={text}" for text in texts]


def _absolute(param: Any, value: Any) -> str:
    if is_path(param, value):
        return os.path.abspath(value)
    return str(getattr(value, "value", value))


def _program(notify: str) -> list[str]:
    """The notify command with its program's full path: a scheduler has another PATH and another current folder."""
    program, *rest = words(notify)
    found = shutil.which(program)
    if found is None:
        raise UsageError(f"there is no program {program} for --notify: check the name, and that it may be run")
    return [os.path.abspath(found), *rest]
