"""Does it still work? What of the last night is out of its limits, by the history alone.

A night is held against the nights before it that the same network scored, for a clinic's films are not the network's:
an index that the network's own films would always exceed says nothing. What chance explains is no alarm.
"""

import shutil
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import sqrt
from pathlib import Path
from typing import Any

from . import clock
from .drift import SURE, by_chance, moved
from .look_back import FEW, NIGHTLY, NIGHTS, Drift, RunEntry, by_night, drift_of, gate_scores, runs

TONIGHT = 20  #: films of a night under which nothing is said of its rates
BINS = 10  #: of a gate score, each with the same share of the earlier films


@dataclass(frozen=True)
class Limits:
    drift: float = 0.25  #: PSI of the scores, and of each gate score, against earlier nights
    failures: float = 0.05  #: share of a night's films
    doubtful: float = 0.2  #: by how much the share of doubtful films may exceed that of earlier nights
    age: float = 26 * 3600  #: seconds since the last finished run
    disk: float = 2e9  #: bytes that are to be free


@dataclass(frozen=True)
class Alarm:
    what: str  #: missed, unfinished, failures, doubtful, drift, gate-drift, disk
    value: float
    limit: float
    message: str


@dataclass(frozen=True)
class Watch:
    """What one list's last night was, and what of it is an alarm."""

    list: str  #: eight digits of its hash
    night: str
    figures: dict[str, Any] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    notes: tuple[str, ...] = ()


def watch(folder: Path, limits: Limits, *, list_key: str = "", network_reference: bool = False) -> list[Watch]:
    """Every list of the history, or one. network_reference: drift against what the network was made on instead.

    Raises OutputError for a history that cannot be read.
    """
    since = clock.local_day(clock.now() - timedelta(days=NIGHTS + 1))
    found: dict[str, list[RunEntry]] = {}
    for run in runs(folder, list_key=list_key, since=since):
        if run.kind in NIGHTLY:
            found.setdefault(run.key, []).append(run)
    return [_one(folder, entries, limits, network_reference) for entries in found.values()]


def disk(places: Sequence[Path], limits: Limits) -> list[Alarm]:
    """Where less is free than is to be."""
    alarms = []
    for place in dict.fromkeys(places):
        try:
            free = shutil.disk_usage(place).free
        except OSError:
            alarms.append(Alarm("disk", 0, limits.disk, f"the disk of {place} cannot be asked: is it there?"))
            continue
        if free < limits.disk:
            text = f"{free / 1e9:.1f} GB are free where {place} stands, less than {limits.disk / 1e9:.10g} GB"
            alarms.append(Alarm("disk", free, limits.disk, text))
    return alarms


def _one(folder: Path, entries: list[RunEntry], limits: Limits, network_reference: bool) -> Watch:
    nights = by_night(entries)
    last = nights[-1] if nights else None
    alarms = _presence(entries, last, limits)
    if last is None:
        return Watch(entries[-1].key[:8], entries[-1].night, {}, tuple(alarms))
    before = [night for night in nights[:-1] if night.facts.get("network") == last.facts.get("network")]
    figures: dict[str, Any] = {
        "ended": last.ended, "seconds": round(last.seconds, 1), "films": last.films, "scored": last.scored,
        "failed": last.count("status", "failed"), "doubtful": last.count("status", "review"),
        "bands": {band: last.count("bands", band) for band in ("urgent", "review", "routine")},
        "network": last.facts.get("network", ""), "engine": last.facts.get("engine", {}),
    }  # fmt: skip
    notes = []
    if len(nights) > 1 and nights[-2].facts.get("engine", {}).get("sha256") != figures["engine"].get("sha256"):
        notes.append("another engine than the night before")
    alarms += _rates(last, before, limits)
    alarms += _drift(folder, last, before, limits, network_reference, figures, notes)
    return Watch(last.key[:8], last.night, figures, tuple(alarms), tuple(notes))


def _presence(entries: list[RunEntry], last: RunEntry | None, limits: Limits) -> list[Alarm]:
    if last is None:
        return [Alarm("missed", 0, limits.age, "no run has finished yet")]
    alarms = []
    age = (clock.now() - clock.moment(last.ended)).total_seconds()
    if age > limits.age:
        text = f"the last finished run ended {age / 3600:.0f} hours ago, more than {limits.age / 3600:g}"
        alarms.append(Alarm("missed", age, limits.age, text))
    newest = entries[-1]
    if newest.started > last.started and newest.state not in ("running", "finished"):
        alarms.append(Alarm("unfinished", 1, 0, f"the last run is {newest.state}: run its command again"))
    return alarms


def _rates(last: RunEntry, before: list[RunEntry], limits: Limits) -> list[Alarm]:
    alarms = []
    failed = last.count("status", "failed")
    if last.films >= TONIGHT and failed / last.films > limits.failures and failed >= 3:
        text = f"{failed} of {last.films} new films failed, more than {limits.failures:.0%}"
        alarms.append(Alarm("failures", failed / last.films, limits.failures, text))
    then, of = sum(night.count("status", "review") for night in before), sum(night.scored for night in before)
    if last.scored >= TONIGHT and of >= FEW:
        now, usual = last.count("status", "review") / last.scored, then / of
        pooled = (then + last.count("status", "review")) / (of + last.scored)
        spread = sqrt(pooled * (1 - pooled) * (1 / last.scored + 1 / of))
        if now - usual > max(limits.doubtful, SURE * spread):
            text = f"{now:.0%} of the new films are doubtful, where earlier nights had {usual:.0%}"
            alarms.append(Alarm("doubtful", now - usual, limits.doubtful, text))
    return alarms


def _drift(
    folder: Path,
    last: RunEntry,
    before: list[RunEntry],
    limits: Limits,
    network_reference: bool,
    figures: dict[str, Any],
    notes: list[str],
) -> list[Alarm]:
    """Of the scores, then of each gate score."""
    alarms = []
    if network_reference:
        drift = Drift(last.drift, max(limits.drift, by_chance(len(last.bins), sum(last.bins))), 0)
    else:
        drift = drift_of(last, before, limits.drift)
    figures["psi"], figures["psi_of_the_network"] = drift.psi, last.drift
    if drift.psi is None:
        notes.append(
            f"nothing is said of drift: earlier nights have {drift.films} films of this network, {FEW} are needed"
        )
    elif sum(last.bins) >= TONIGHT and drift.psi > drift.limit:
        text = f"the scores have moved: stability index {drift.psi:.2f}, more than {drift.limit:.2f}"
        alarms.append(Alarm("drift", drift.psi, drift.limit, text))
    found = _gate_drift(folder, last, figures["network"])
    figures["gate_psi"] = {name: round(value, 4) for name, (value, _) in found.items()}
    over = {name: pair for name, pair in found.items() if pair[0] > max(limits.drift, pair[1])}
    if over:
        name = max(over, key=lambda feature: over[feature][0])
        value, chance = over[name]
        text = f"the films have changed: gate score {name} has stability index {value:.2f}"
        alarms.append(Alarm("gate-drift", value, max(limits.drift, chance), text))
    return alarms


def _gate_drift(folder: Path, last: RunEntry, network: str) -> dict[str, tuple[float, float]]:
    """Gate score -> its index, and what chance alone may give; none where there are too few films."""
    names: Sequence[str] = last.facts.get("gate", ())
    now, then = gate_scores(folder, network, last.key, last.night)
    if len(now) < TONIGHT or len(then) < FEW:
        return {}
    found: dict[str, tuple[float, float]] = {}
    for number, name in enumerate(names):
        a, b = ([row[number] for row in rows if number < len(row)] for rows in (now, then))
        edges = _quantiles(sorted(b))
        if not edges or not a:
            continue
        index = moved(_counts(a, edges), _counts(b, edges))
        # Several scores are looked at: each may alarm by chance so much less often.
        found[name] = index, by_chance(len(edges) + 1, len(a), len(b), looks=len(names))
    return found


def _quantiles(values: list[float]) -> list[float]:
    return sorted({values[len(values) * n // BINS] for n in range(1, BINS)}) if values else []


def _counts(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return counts


def as_dict(watches: Sequence[Watch], alarms: Sequence[Alarm]) -> dict[str, Any]:
    """For JSON, one line a run."""
    return {
        "time": clock.stamp(clock.now()),
        "well": not alarms and not any(w.alarms for w in watches),
        "lists": [
            {"list": w.list, "night": w.night, **w.figures, "notes": list(w.notes), "alarms": _alarms(w.alarms)}
            for w in watches
        ],
        "alarms": _alarms(alarms),
    }


def _alarms(alarms: Sequence[Alarm]) -> list[Mapping[str, Any]]:
    return [{"what": a.what, "value": a.value, "limit": a.limit, "message": a.message} for a in alarms]
