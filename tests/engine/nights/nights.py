"""Runs of one list, at times that a test sets."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.lists.table import HEADER, Row, encode
from xscan.engine.nights import clock
from xscan.engine.nights.history import Recorder, Run, recording

DISTRIBUTION = {"edges": [0.2, 0.5, 0.8], "shares": [0.25, 0.25, 0.25, 0.25]}


def film(name: str, score: float = 0.9, band: str = "urgent", **cells: Any) -> Row:
    return replace(
        Row(name, "ok", band, "virus", p_pneumonia=f"{score:.4f}", model="net@1", modified="2026-01-01T00:00:00Z"),
        **cells,
    )


class Nights:
    """Runs of one list, at times that a test sets."""

    def __init__(self, root: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.state, self.told = root, state, []
        self.facts: dict[str, Any] = {}
        self.time = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: self.time)

    def __call__(self, rows: list[Row], hours: float = 24, folder: str = "films") -> Recorder:
        self.time += timedelta(hours=hours)
        with self.run(folder) as recorder:
            recorder.see(rows)
            recorder.end("finished", self.list(rows), 3.0, {"files": len(rows)})
        return recorder

    @contextlib.contextmanager
    def run(self, folder: str = "films") -> Iterator[Recorder]:
        facts = {"distribution": DISTRIBUTION, "network": "net@1"} | self.facts
        run = Run("batch", self.root / "t.csv", self.root / folder, facts)
        with recording(self.state, run, self.told.append) as recorder:
            yield recorder

    def list(self, rows: list[Row]) -> Path:
        path = self.root / "t.csv"
        path.write_bytes(HEADER + encode(rows))
        return path
