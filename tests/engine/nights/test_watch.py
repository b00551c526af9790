"""What is an alarm, and what chance explains."""

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from xscan.engine.lists.table import Note, Row
from xscan.engine.nights.drift import by_chance, moved
from xscan.engine.nights.history import Run, recording
from xscan.engine.nights.history_page import render as history_page
from xscan.engine.nights.look_back import NIGHTS, RunEntry, drift_of, drifts_of, gate_scores, runs
from xscan.engine.nights.prometheus import render
from xscan.engine.nights.watch import Limits, as_dict, disk, watch

from .nights import Nights, film

LIMITS = Limits()


class Films:
    """Films of a clinic, whose scores and gate scores a test can shift."""

    def __init__(self, seed: int = 0) -> None:
        self.random, self.number = random.Random(seed), 0

    def night(
        self, films: int = 60, shift: float = 0.0, gate: float = 0.0, failed: int = 0, doubtful: int = 0
    ) -> list[Row]:
        rows = []
        for i in range(films):
            self.number += 1
            score = min(max(self.random.betavariate(0.5, 0.5) + shift, 0), 1)
            note = Note("", "", f"{self.random.gauss(gate, 1):.3f} {self.random.gauss(0, 1):.3f}")
            band = "urgent" if score > 0.6 else "routine"
            row = film(f"{self.number:05}", score, band, note=note)
            if i < failed:
                row = Row(row.file, "failed", reason="truncated: x")
            elif i < failed + doubtful:
                row.status, row.reason = "review", "adult: x"
            rows.append(row)
        return rows


def month(nights: Nights, films: Films, count: int = 10) -> None:
    for _ in range(count):
        nights(films.night())


def alarms(state: Path, limits: Limits = LIMITS) -> list[str]:
    return [alarm.what for watched in watch(state, limits) for alarm in watched.alarms]


def test_an_archive_run_is_no_night(nights: Nights, state: Path):
    with recording(state, Run("archive", nights.root / "a.csv", nights.root / "archive"), print) as recorder:
        recorder.end("finished", nights.list([film("a")]), 1.0, {"files": 1})
    nights.time += timedelta(days=40)
    assert watch(state, LIMITS) == []
    assert [run.kind for run in runs(state)] == ["archive"]
    assert "<table>" in history_page(runs(state), "en")


@pytest.fixture
def films(nights: Nights) -> Films:
    nights.facts = {"gate": ["distance", "adult"]}
    return Films()


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        ({}, []),
        ({"shift": 0.4}, ["drift"]),
        ({"gate": 3.0}, ["gate-drift"]),
        ({"failed": 20}, ["failures"]),
        ({"failed": 2}, []),
        ({"doubtful": 40}, ["doubtful"]),
        ({"doubtful": 8}, []),
        ({"films": 5, "shift": 0.4, "failed": 2}, []),
    ],
)
def test_an_alarm_for_what_is_out_of_its_limits_and_for_nothing_else(
    nights: Nights,
    state: Path,
    films: Films,
    night: dict,
    expected: list[str],
):
    month(nights, films)
    nights(films.night(**night))
    assert alarms(state) == expected


def test_a_night_is_held_against_the_sixty_nights_before_it_and_no_older_ones(
    nights: Nights, state: Path, films: Films
):
    for _ in range(4):
        nights(films.night(gate=3.0))
    nights(films.night(2), 24 * NIGHTS)  # 60 nights before the last; the others are 120 nights before it
    nights(films.night(3), 24 * NIGHTS)
    last = runs(state)[-1]
    now, then = gate_scores(state, "net@1", last.key, last.night)
    assert (len(now), len(then)) == (3, 2)
    month(nights, films, 4)
    nights(films.night())
    assert alarms(state) == []  # against films that a year ago were others it would be gate-drift


def test_the_drifts_of_years_are_those_of_each_night_and_no_night_is_read_for_all_others():
    reads = 0

    class Entry(RunEntry):
        def __getattribute__(self, name: str):
            nonlocal reads
            reads += 1
            return super().__getattribute__(name)

    def history(count: int) -> list[RunEntry]:
        """Two lists, a new network every 90 nights, and now and then one with another number of bins."""
        drawn = random.Random(3)
        found: list[RunEntry] = []
        for i in range(count):
            night = (date(2024, 1, 1) + timedelta(days=i)).isoformat()
            for key in "ab":
                bins = [drawn.randrange(20) for _ in range(9 if i % 31 == 0 else 10)]
                facts = {"network": f"net@{i // 90}", "tonight": {"bins": bins}}
                found.append(Entry(key, night, "batch", night, night, "finished", 1.0, facts))
        return found

    some = history(200)
    assert drifts_of(some, some) == [drift_of(entry, some) for entry in some]
    assert sum(drift.psi is not None for drift in drifts_of(some, some)) > 200
    counts = []
    for entries in (history(100), history(400)):
        reads = 0
        history_page(entries, "en")
        counts.append(reads)
    assert counts[1] < 5 * counts[0]  # 4 times as many nights; with each held against all it was 11 times


def test_a_missed_night_and_one_cut_off(nights: Nights, state: Path, films: Films):
    month(nights, films, 2)
    nights.time += timedelta(hours=30)
    assert alarms(state) == ["missed"]
    try:
        with nights.run():
            raise OSError
    except OSError:
        pass
    assert alarms(state) == ["missed", "unfinished"]


def test_a_new_network_is_noted_and_no_alarm(nights: Nights, state: Path, films: Films):
    month(nights, films)
    nights.facts |= {"network": "net@2", "engine": {"sha256": "two"}}
    nights(films.night(shift=0.4))
    [watched] = watch(state, LIMITS)
    assert watched.alarms == ()
    assert "another engine than the night before" in watched.notes
    assert any("drift" in note for note in watched.notes)


def test_months_of_the_same_films_hardly_ever_alarm():
    """By its own arithmetic one night in a thousand: of 2,000 drawn nights at most nine (99.9 % of such draws)."""
    random_ = random.Random(1)
    reference = [0] * 10
    for _ in range(1500):
        reference[random_.randrange(10)] += 1
    over = 0
    for _ in range(2000):
        counts = [0] * 10
        for _ in range(60):
            counts[random_.randrange(10)] += 1
        over += moved(counts, reference) > max(LIMITS.drift, by_chance(10, 60, 1500))
    assert over <= 9


def test_disk(tmp_path: Path):
    assert disk([tmp_path], Limits(disk=0)) == []
    little, gone = disk([tmp_path, tmp_path / "gone"], Limits(disk=1e17))
    assert (little.what, gone.what) == ("disk", "disk")
    assert little.message.endswith("less than 100000000 GB")


def test_figures_for_machines(nights: Nights, state: Path, films: Films):
    month(nights, films)
    nights(films.night(failed=20))
    found = watch(state, LIMITS)
    data = as_dict(found, [])
    assert data["well"] is False
    assert data["lists"][0]["alarms"][0]["what"] == "failures"
    text = render(found, [], {"/": 1e9}).decode()
    name = found[0].list
    assert f'xscan_new_films{{band="failed",list="{name}"}} 20.0' in text
    assert f'xscan_alarms{{list="{name}",what="failures"}} 1.0' in text
    assert text.startswith("# HELP xscan_")
    from prometheus_client.parser import text_string_to_metric_families

    assert len(list(text_string_to_metric_families(text))) == 8
