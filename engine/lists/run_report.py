"""The run report beside a list: which settings made its rows, and how the run ended."""

import json
import os
from pathlib import Path

from ..disk.overwrite import made_here
from ..network.manifest import Manifest

require_report = made_here("run report", b"{")

#: The report's `list` while a run that goes on, or was interrupted, scores all films of an earlier list again: the
#: report's settings are not those of the list beside it.
OUTDATED = "of an earlier engine"


def manifest_of(csv: Path) -> Manifest | None:
    """The manifest that the run report beside a list recorded, if there is one."""
    try:
        report = json.loads(csv.with_suffix(".run.json").read_text(encoding="utf-8"))
        if report.get("list") == OUTDATED:
            return None
        return Manifest.from_json(json.dumps(report["manifest"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def report_of(out: Path) -> Path:
    """The run report of a triage list."""
    return Path(os.path.abspath(out.with_suffix(".run.json")))
