"""What a run is asked for, and what it did."""

from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..find.shard import Shard
from ..lists.table import Row
from ..read.film import DEFAULT_LIMITS, Limits
from ..reasons import CODES
from ..triage.points import Wish

ALL = Shard()


@dataclass(frozen=True)
class BatchSettings:
    """What to scan, with what, and where to. Defaults are the command's."""

    folder: Path
    out: Path
    engine: Path
    workers: int
    chosen_by: str = "--engine"  #: xscan.engine.runtime.choose.Choice.by
    engine_may_change: bool = False  #: nobody named the engine: rows that another one made are made again
    batch_size: int = 8
    limits: Limits = DEFAULT_LIMITS
    file_seconds: float = 120.0
    restart: bool = False
    only: tuple[str, ...] = ()  #: what of the folder is meant (xscan.engine.find.named); empty: all
    follow_links: bool = False  #: also those that lead out of the folder
    allow_shrink: bool = False  #: most films of the list may be gone with their place (xscan.engine.batch.lost_input)
    one_owner: bool = False  #: run the network in this process whatever the engine; GPUs need it anyway
    shard: Shard = ALL
    formats: tuple[str, ...] = ("csv",)
    points: tuple[Wish | None, Wish | None] = (None, None)  #: a site's own rule-out and rule-in
    mend: bool = False  #: set films right that surely stand wrong (xscan.engine.triage.mend)
    page: Path | None = None  #: the morning page to write
    page_lang: str = "en"
    thumbnails: bool = True  #: small pictures of the films in the page
    order: bool = False  #: show study date and accession number on the page
    viewer: str = ""  #: address of the clinic's viewer, for links in the page
    large_bytes: int | None = None  #: of the page, for large pictures; None: the page's own limit
    state: Path | None = None  #: the machine's folder with the history (xscan.engine.nights.state); None: none is kept
    nightly: Path | None = None  #: the list's name for all nights, with {date}, where `out` is one of them
    last: Path | None = None  #: the list of the night before, whose unchanged rows are taken over
    last_page: Path | None = None  #: its page, for the pictures
    kind: str = "batch"  #: what the history calls the run
    main: Path | None = None  #: of a shadow run: the list that it stands beside


@dataclass
class Summary:
    """What a run did. Counts are over all rows of the list, kept ones included."""

    files: int = 0
    kept: int = 0  #: rows copied from an earlier run
    dropped: int = 0  #: earlier rows whose file is gone
    status: Counter[str] = field(default_factory=Counter)
    priority: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  #: failed, skipped and review, by code
    unchanged: bool = False  #: the finished list stood already
    new: Counter[str] | None = None  #: scored films that are new tonight, by band; None where no history tells
    engine_changed: bool = False  #: the list was made with another engine, and all films are scored again
    engine: dict[str, Any] = field(default_factory=dict)  #: name, runtime, precision, sha256, chosen_by
    interrupted: bool = False
    seconds: float = 0.0
    stage_seconds: dict[str, float] = field(default_factory=dict)  #: summed over workers
    runtime: str = ""
    model: str = ""

    @property
    def scored(self) -> int:
        return self.status["ok"] + self.status["review"]

    def count(self, row: Row, by: int = 1) -> None:
        self.files += by
        self.status[row.status] += by
        if row.priority:
            self.priority[row.priority] += by
        if row.code:
            self.reasons[row.code if row.code in CODES else "other"] += by

    def as_dict(self) -> dict[str, Any]:
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.new is None:
            del content["new"]
        return {name: dict(+value) if isinstance(value, Counter) else value for name, value in content.items()}
