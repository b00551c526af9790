"""The run report beside a list: which settings made its rows, how the run ended, which content may be relied on.

NAME.csv.run.json, named after the whole file, so that no two lists share one. Versions before 0.1.0 wrote
NAME.run.json, which is still read.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..disk.overwrite import reading, start_of, unreadable
from ..disk.replace import replace_bytes
from ..errors import EngineError, OutputError
from ..find.mounts import Place
from ..network.manifest import Manifest


class State(StrEnum):
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    TRIAGED = "triaged"  #: the list was sorted anew from another one
    MERGED = "merged"  #: the list was joined from those of shards


@dataclass(frozen=True)
class RunReport:
    state: State
    settings: dict[str, Any] = field(default_factory=dict)  #: what shapes a row; empty for lists of no run
    sha256: tuple[str, ...] = ()  #: of the list, and of an interrupted run's rows: what xscan wrote, and nobody since
    source: str = ""  #: the names of the lists that a triaged or merged one was made from
    mounts: dict[str, Place] = field(default_factory=dict)  #: where the folder lay, and what is mounted below it
    outdated: bool = False  #: the list beside it is of an earlier engine; its films are being scored again
    manifest: dict[str, Any] = field(default_factory=dict)  #: as the network's JSON
    page: str = ""  #: sha256 of the morning page that the last finished run made; its pictures may be used again
    facts: dict[str, Any] = field(default_factory=dict)  #: times, counts, versions: for people

    @classmethod
    def read(cls, csv: Path) -> "RunReport | None":
        """The report of the list at `csv`; None where there is none, or a damaged one.

        Raises OutputError or StorageError where it is there and cannot be read.
        """
        path = report_of(csv)
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        try:
            content = json.loads(text)
            known = {
                name: content.pop(name)
                for name in ("settings", "sha256", "source", "outdated", "manifest", "page")
                if name in content
            }
            if not isinstance(known.get("settings", {}), dict) or not isinstance(known.get("sha256", []), list):
                return None
            if not isinstance(known.get("page", ""), str):
                del known["page"]
            mounts = {key: Place(int(n), int(device)) for key, (n, device) in content.pop("mounts", {}).items()}
            report = cls(State(content.pop("state")), **known, mounts=mounts, facts=content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return report

    def write(self, csv: Path) -> None:
        """Replace the report of the list at `csv`. Raises OutputError, StorageError."""
        content: dict[str, Any] = {"state": self.state, "settings": self.settings, "sha256": list(self.sha256)}
        content |= {"source": self.source} if self.source else {}
        content |= {"mounts": {key: [p.mounts, p.device] for key, p in self.mounts.items()}} if self.mounts else {}
        content |= {"outdated": True} if self.outdated else {}
        content |= {"page": self.page} if self.page else {}
        content |= self.facts | ({"manifest": self.manifest} if self.manifest else {})
        text = json.dumps(content, indent=1) + "\n"
        replace_bytes(_path(csv), text.encode(), require_report, private=True)

    @property
    def network(self) -> Manifest | None:
        """The network that scored the list, as it said of itself."""
        try:
            return Manifest.from_json(json.dumps(self.manifest)) if self.manifest else None
        except EngineError:
            return None


def report_of(csv: Path) -> Path:
    """The run report of a triage list: the one of an earlier version where there is no other."""
    path, older = _path(csv), Path(os.path.abspath(csv.with_suffix(".run.json")))
    return older if csv.suffix == ".csv" and not path.exists() and older.exists() else path


def _path(csv: Path) -> Path:
    return Path(os.path.abspath(csv.with_name(csv.name + ".run.json")))


def manifest_of(csv: Path) -> Manifest | None:
    """The manifest that the run report beside a list recorded, if there is one."""
    report = RunReport.read(csv)
    return report.network if report and not report.outdated else None


def require_report(path: Path) -> None:
    """Raise OutputError if something else than a run report stands at `path`: only one that is whole is replaced."""
    if is_damaged_report(path):
        raise OutputError(f"{path} exists and is no run report of xscan: rename it, or give another --out")


def require_report_or_damaged(path: Path) -> None:
    """The same, but for what may have been one: it is set aside, never replaced."""
    if (start := start_of(path)) and not start.lstrip().startswith((b"{", b"[")):
        raise OutputError(f"{path} exists and is no run report of xscan: rename it, or give another --out")


def is_damaged_report(path: Path) -> bool:
    """Whether what stands at `path`, if anything does, is no run report."""
    return bool(start_of(path)) and RunReport.read(path.with_name(path.name.removesuffix(".run.json"))) is None


def digest_of(path: Path) -> str:
    """sha256 of a list or a page. Raises OutputError, StorageError."""
    with reading(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
