"""What the history tells of earlier runs: rows for people, JSON and plots; and taking old ones away."""

import contextlib
import json
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import OutputError
from . import clock
from .database import NAME, Broken, breaking, read_history, writing_to
from .drift import ANOTHER, by_chance, moved, shares, stability

NIGHTS = 60  #: days before a night that it is held against
FEW = 200  #: films of earlier nights under which nothing is said of drift
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


class Drift(NamedTuple):
    """How far a night's scores have moved from those of the nights before it."""

    psi: float | None  #: stability index; None where there are too few earlier films to say
    limit: float  #: what it must be over to be no chance, and no small matter
    films: int  #: of earlier nights, that it is held against


def _first_before(night: str) -> str:
    """The first of the nights that a night is held against."""
    return (date.fromisoformat(night) - timedelta(days=NIGHTS)).isoformat()


def drift_of(night: RunEntry, nights: Iterable[RunEntry], least: float = ANOTHER) -> Drift:
    """A night against earlier nights of its list, up to NIGHTS days back, that the same network scored.

    A clinic's films are not those that the network was made on, so its own nights are the measure. least: of the limit.
    """
    first = _first_before(night.night)
    network = night.facts.get("network")
    alike = [
        earlier.bins
        for earlier in nights
        if earlier.key == night.key
        and first <= earlier.night < night.night
        and earlier.facts.get("network") == network
        and len(earlier.bins) == len(night.bins)
    ]
    counts = [sum(column) for column in zip(*alike, strict=True)]
    films, tonight = sum(counts), sum(night.bins)
    if films < FEW or not tonight:
        return Drift(None, least, films)
    return Drift(moved(night.bins, counts), max(least, by_chance(len(counts), tonight, films)), films)


def drifts_of(entries: Iterable[RunEntry], known: Sequence[RunEntry]) -> list[Drift]:
    """`drift_of` of each entry against `known`, which are in the order of their nights, as `by_night` gives them."""
    alike: dict[tuple[str, str], list[RunEntry]] = {}  # so that years of nights are not gone through for each of them

    def of(entry: RunEntry) -> list[RunEntry]:
        return alike.setdefault((entry.key, str(entry.facts.get("network"))), [])

    for earlier in known:
        of(earlier).append(earlier)
    drifts = []
    for entry in entries:
        first, last = (
            bisect_left(of(entry), night, key=lambda earlier: earlier.night)
            for night in (_first_before(entry.night), entry.night)
        )
        drifts.append(drift_of(entry, of(entry)[first:last]))
    return drifts


def gate_scores(folder: Path, network: str, key: str, night: str) -> tuple[list[list[float]], list[list[float]]]:
    """The gate's scores of films that were new in a list's night, and in its earlier nights, up to NIGHTS days back."""
    query = (
        "SELECT film.gate, run.night FROM film JOIN run ON run.id = film.first_run"
        " WHERE film.gate <> '' AND film.model = ? AND run.list = ? AND run.night BETWEEN ? AND ?"
    )
    about = (network, key, _first_before(night), night)
    with _reading(folder) as database:
        rows = database.execute(query, about).fetchall() if database is not None else []
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
