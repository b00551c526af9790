"""Two lists of the same films by two engines: what the second would have changed. Without a truth."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any

from ..errors import UsageError
from ..triage.bands import Band
from .table import HEADER, Row, rows_in


@dataclass
class SideBySide:
    """Films that both lists scored; bands: (first, second) -> films."""

    models: tuple[str, str] = ("", "")
    films: int = 0
    only: tuple[int, int] = (0, 0)  #: scored in one list alone
    bands: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: list[float] = field(default_factory=list)  #: of the probability of pneumonia, sorted by size

    @property
    def moved(self) -> int:
        return sum(number for (a, b), number in self.bands.items() if a != b)

    def as_dict(self) -> dict[str, Any]:
        bands = {f"{a} to {b}": number for (a, b), number in sorted(self.bands.items())}
        return {
            "models": list(self.models), "films": self.films, "only": list(self.only), "bands": bands,
            "moved": self.moved, "change": {"median": self._at(0.5), "p95": self._at(0.95), "largest": self._at(1)},
        }  # fmt: skip

    def as_text(self) -> str:
        lines = [f"{self.films} films by {self.models[0]} and {self.models[1]}; {self.moved} in another band"]
        if any(self.only):
            lines.append(f"  scored by the first alone {self.only[0]}, by the second alone {self.only[1]}")
        lines.append(f"{self.models[0]:>22}  " + "".join(f"{'to ' + band:>12}" for band in Band))
        for a in Band:
            lines.append(f"{a:>22}  " + "".join(f"{self.bands[a.value, b.value]:>12}" for b in Band))
        change = f"median {self._at(0.5):.4f}, 95 % within {self._at(0.95):.4f}, largest {self._at(1):.4f}"
        return "\n".join([*lines, f"change of the probability of pneumonia: {change}"])

    def _at(self, share: float) -> float:
        return self.changes[min(int(share * len(self.changes)), len(self.changes) - 1)] if self.changes else 0.0


def is_list(path: str) -> bool:
    """Whether a triage list of xscan stands there."""
    try:
        with Path(path).open("rb") as stream:
            return stream.readline().rstrip(b"\r\n") == HEADER.rstrip(b"\n")
    except OSError:
        return False


def side_by_side(first: Path, second: Path) -> SideBySide:
    """Of the first list one band and number a film are held, of the second nothing.

    Raises UsageError where they share no film, OutputError for a damaged list.
    """
    scored: dict[str, tuple[str, float]] = {}
    found = SideBySide()
    models = ["", ""]
    for row in _scored(first):
        models[0] = models[0] or row.model
        scored[row.file] = intern(row.priority), float(row.p_pneumonia)
    others = 0
    for row in _scored(second):
        models[1] = models[1] or row.model
        others += 1
        if (other := scored.get(row.file)) is not None:
            found.bands[other[0], row.priority] += 1
            found.changes.append(round(abs(other[1] - float(row.p_pneumonia)), 4))
    found.films = len(found.changes)
    if not found.films:
        raise UsageError(f"{first.name} and {second.name} have no scored film in common: give lists of one folder")
    found.only = (len(scored) - found.films, others - found.films)
    found.models = (models[0], models[1])
    found.changes.sort()
    return found


def _scored(path: Path) -> Iterator[Row]:
    return (row for row in rows_in(path) if row.priority)
