"""Thirty nights of a clinic, played: one broken, one drifted, one missed, one with a new network; alarms then alone.

    python scripts/month.py                      # scores are drawn, seconds a month
    python scripts/month.py --films FOLDER       # real films, dealt out by date, scored by `batch`
    python scripts/month.py --page month.html    # the history page of it

Night 12: a third of the films is cut off in the middle. Night 17: another population (drawn: scores higher; with films:
films inverted). Night 21: no run. Night 25: another network. After each night `monitor` is asked. Exit code 0 when all
alarms were on their nights.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xscan.engine.lists.table import HEADER, Note, Row, encode
from xscan.engine.nights import clock
from xscan.engine.nights.history import Run, recording
from xscan.engine.nights.history_page import write_page
from xscan.engine.nights.look_back import runs
from xscan.engine.nights.watch import Limits, watch

NIGHTS = 30
BROKEN, DRIFT, MISSED, NEW = 12, 17, 21, 25
EXPECTED = {BROKEN: {"failures"}, DRIFT: {"drift"}, MISSED: {"missed"}}
START = datetime(2026, 3, 1, 2, tzinfo=UTC)
EDGES = [n / 10 for n in range(1, 10)]

Play = Callable[[int], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path)
    parser.add_argument("--a-night", type=int, default=60)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--lang", default="en")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        play = scored(root, options) if options.films else drawn(root, options.a_night, options.seed)
        found = month(root / "state", play)
        if options.page:
            write_page(runs(root / "state"), options.page, options.lang)
    wrong = faults(found, with_films=bool(options.films))
    for night, alarms in found.items():
        if alarms or night in EXPECTED:
            print(f"night {night}: {', '.join(sorted(alarms)) or 'nothing'}")
    print("\n".join(wrong) or f"{NIGHTS} nights: alarms on the right ones and on no other")
    sys.exit(1 if wrong else 0)


def month(state: Path, play: Play) -> dict[int, set[str]]:
    """Night -> what `monitor` says six hours after it."""
    real, found = clock.now, {}
    try:
        for night in range(1, NIGHTS + 1):
            begun = START + timedelta(days=night - 1)
            clock.now = lambda begun=begun: begun
            if night != MISSED:
                play(night)
            clock.now = lambda begun=begun: begun + timedelta(hours=6)
            found[night] = {alarm.what for watched in watch(state, Limits()) for alarm in watched.alarms}
    finally:
        clock.now = real
    return found


def faults(found: dict[int, set[str]], with_films: bool) -> list[str]:
    """What was not as it should be. Inverted films are another population to the gate, and doubtful, too."""
    wrong = []
    for night, alarms in found.items():
        expected = EXPECTED.get(night, set())
        allowed = expected | ({"gate-drift", "doubtful"} if night == DRIFT and with_films else set())
        if not alarms <= allowed or (expected and not alarms & allowed):
            wrong.append(f"night {night}: {sorted(alarms)} where {sorted(expected)} should be")
    return wrong


def drawn(root: Path, films: int, seed: int) -> Play:
    """Scores as a clinic's might be, without a film: what is played is the history, and what is said of it."""
    draw = random.Random(seed)

    def play(night: int) -> None:
        rows = []
        for number in range(films):
            shift = 0.35 if night == DRIFT else 0.0
            score = min(max(draw.betavariate(0.5, 0.7) + shift, 0), 1)
            band = "urgent" if score >= 0.6 else "review" if score >= 0.2 else "routine"
            row = Row(f"{night}/{number}", "ok", band, "virus", p_pneumonia=f"{score:.4f}", model="net@1")
            row.note = Note("", "", " ".join(f"{draw.gauss(0, 1):.3f}" for _ in range(17)))
            if draw.random() < 0.06:
                row.status, row.priority = "review", "urgent" if band == "urgent" else "review"
                row.reason = "adult: by its looks outside the model's population"
            if night == BROKEN and number % 3 == 0:
                row = Row(row.file, "failed", reason="truncated: the file ends before its picture does")
            rows.append(row)
        network = "two@1" if night >= NEW else "one@1"
        facts = {
            "engine": {"name": network, "sha256": network},
            "network": network,
            "distribution": {"edges": EDGES, "shares": [0.1] * 10},
            "gate": [f"score {n}" for n in range(17)],
        }
        for row in rows:
            row.model = network if row.priority else ""
        out = root / "list.csv"
        out.write_bytes(HEADER + encode(rows))
        with recording(root / "state", Run("batch", out, root, facts), print) as recorder:
            recorder.see(rows)
            recorder.end("finished", out, draw.uniform(60, 90), {"files": len(rows)})

    return play


def scored(root: Path, options: argparse.Namespace) -> Play:
    """Real films, dealt out at random, so many a night; each night's stand in a folder of their own."""
    import cv2

    from xscan.engine.batch.run import run_batch
    from xscan.engine.batch.settings import BatchSettings
    from xscan.engine.runtime.choose import choose

    films = sorted(path for path in options.films.rglob("*") if path.is_file())
    draw = random.Random(options.seed)
    draw.shuffle(films)
    if len(films) < NIGHTS * options.a_night:
        films *= -(-NIGHTS * options.a_night // len(films))

    def play(night: int) -> None:
        folder = root / "films" / f"{night:02}"
        folder.mkdir(parents=True)
        for number, film in enumerate(films[night * options.a_night - options.a_night : night * options.a_night]):
            target = folder / f"{number:03}{film.suffix}"
            if night == DRIFT and (grey := cv2.imread(str(film), cv2.IMREAD_GRAYSCALE)) is not None:
                cv2.imwrite(str(target), cv2.bitwise_not(grey))
            elif night == BROKEN and number % 3 == 0:
                target.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
            else:
                shutil.copy(film, target)
        engine = choose("seed" if night >= NEW else "compact").path
        settings = BatchSettings(
            root / "films" / f"{night:02}",
            root / f"{clock.local_day(clock.now())}.csv",
            engine,
            workers=2,
            state=root / "state",
            nightly=root / "{date}.csv",
        )
        summary = run_batch(settings, threading.Event(), tell=print)
        print(f"night {night}: {summary.scored} scored", flush=True)

    return play


if __name__ == "__main__":
    main()
