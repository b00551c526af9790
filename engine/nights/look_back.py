"""What the history tells of earlier runs: rows for people, JSON and plots; and taking old ones away."""

import contextlib
import json
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..errors import OutputError
from . import clock
from .database import NAME, Broken, breaking, read_history, writing_to
from .drift import shares, stability

NIGHTLY = ("batch", "listen")  #: kinds of run that are a clinic's nights; a shadow's and an archive's are none


@dataclass(frozen=True)
class RunEntry:
    """One run, as it ended. Counts of `tonight` are of the films that were new in its night."""

    key: str  #: of its list: a keyed hash
    night: str
    kind: str
    started: str
    ended: str
    state: str
    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)

    def count(self, of: str, name: str) -> int:
        """Such as `count("bands", "urgent")` of tonight's films."""
        return int(self.facts.get("tonight", {}).get(of, {}).get(name, 0))

    @property
    def films(self) -> int:
        """New tonight, scored or failed."""
        return self.scored + self.count("status", "failed")

    @property
    def scored(self) -> int:
        return self.count("status", "ok") + self.count("status", "review")

    @property
    def bins(self) -> list[int]:
        return [int(n) for n in self.facts.get("tonight", {}).get("bins", ())]

    @property
    def drift(self) -> float | None:
        """PSI of tonight's scores against those that the network was made on; None where it keeps no such table."""
        then = self.facts.get("distribution", {}).get("shares")
        if not then or not sum(self.bins) or len(then) != len(self.bins):
            return None
        return stability(shares(self.bins), then)

    def as_dict(self) -> dict[str, Any]:
        facts = {name: value for name, value in self.facts.items() if name != "distribution"}
        return {
            "list": self.key[:8], "night": self.night, "kind": self.kind, "started": self.started,
            "ended": self.ended, "state": self.state, "seconds": round(self.seconds, 1), "psi": self.drift,
        } | facts  # fmt: skip


def has_history(folder: Path) -> bool:
    return (folder / NAME).exists()


def runs(folder: Path, *, list_key: str = "", since: str = "", until: str = "") -> list[RunEntry]:
    """Runs of the history of a state folder, the oldest first; none where there is no history.

    since, until: nights, `2026-11-01`, both included. Raises OutputError for a history that cannot be read.
    """
    query = (
        "SELECT list, night, kind, started, ended, state, seconds, facts FROM run"
        " WHERE (list = ? OR ? = '') AND night >= ? AND night <= ? ORDER BY started, id"
    )
    with _reading(folder) as database:
        if database is None:
            return []
        rows = database.execute(query, (list_key, list_key, since, until or "9999")).fetchall()
    return [RunEntry(*row[:-1], facts=_facts(row[-1])) for row in rows]


def by_night(entries: list[RunEntry]) -> list[RunEntry]:
    """Of each list and night the last finished run: a night that was run twice counts once."""
    last: dict[tuple[str, str, str], RunEntry] = {}
    for entry in entries:
        if entry.state == "finished" and entry.kind in NIGHTLY:
            last[entry.night, entry.key, entry.kind] = entry
    return sorted(last.values(), key=lambda entry: (entry.night, entry.started))


def gate_scores(folder: Path, network: str, key: str, night: str) -> tuple[list[list[float]], list[list[float]]]:
    """The gate's scores of films that were new in a list's night, and of those of its earlier nights."""
    query = (
        "SELECT film.gate, run.night FROM film JOIN run ON run.id = film.first_run"
        " WHERE film.gate <> '' AND film.model = ? AND run.list = ? AND run.night <= ?"
    )
    with _reading(folder) as database:
        rows = database.execute(query, (network, key, night)).fetchall() if database is not None else []
    found: tuple[list[list[float]], list[list[float]]] = ([], [])
    for text, when in rows:
        with contextlib.suppress(ValueError):
            found[when != night].append([float(score) for score in text.split()])
    return found


def prune(folder: Path, days: float) -> tuple[int, int]:
    """Take away runs that began, and films last seen, more than so many days ago; returns how many of each.

    Raises OutputError.
    """
    with _reading(folder) as database:
        if database is None:
            return 0, 0
        day = clock.local_day(clock.now() - timedelta(days=days))
        with writing_to(database):
            gone = database.execute("DELETE FROM run WHERE night < ? AND state <> 'running'", (day,)).rowcount
            films = database.execute("DELETE FROM film WHERE last_seen < ?", (day,)).rowcount
        database.execute("VACUUM")
    return gone, films


@contextlib.contextmanager
def _reading(folder: Path):
    database = None
    try:
        with breaking():
            database = read_history(folder)
            yield database
    except Broken:
        raise OutputError(f"{folder / NAME} is damaged: the next run sets it aside and begins a new one") from None
    except sqlite3.Error as error:
        raise OutputError(f"{folder / NAME} cannot be used now ({error}): try again later") from None
    finally:
        if database is not None:
            database.close()


def _facts(text: str) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def as_text(entries: list[RunEntry]) -> str:
    """A line a run."""
    if not entries:
        return "no runs yet"
    lines = ["night       began  list      state        files    new  urgent  review  routine  failed   psi   time"]
    for entry in entries:
        began = f"{clock.moment(entry.started).astimezone():%H:%M}"
        bands = [entry.count("bands", band) for band in ("urgent", "review", "routine")]
        psi = "-" if entry.drift is None else f"{entry.drift:.2f}"
        state = entry.state if entry.kind == "batch" else f"{entry.state} ({entry.kind})"
        lines.append(
            f"{entry.night}  {began}  {entry.key[:8]}  {state:<11}{entry.facts.get('files', 0):>7}{entry.scored:>7}"
            f"{bands[0]:>8}{bands[1]:>8}{bands[2]:>9}{entry.count('status', 'failed'):>8}{psi:>6}"
            f"{_time(entry.seconds):>7}"
        )
    return "\n".join(lines)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
