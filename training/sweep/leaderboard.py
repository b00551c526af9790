"""What a sweep found: one entry a network, and what each way of choosing and splitting would have claimed."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes

from .scores import Score, read_score
from .search import GROUPED, RANDOM, Sweep


@dataclass(frozen=True)
class Entry:
    name: str
    architecture: str
    options: dict[str, Any]
    epochs: int  #: trained and scored
    parameters: int | None
    ms_a_film: float | None
    seconds_an_epoch: float | None
    validation: Score | None  #: patients that networks are chosen on
    test: Score | None  #: patients that nothing was chosen on
    study: Score | None  #: the same network by the study's protocol, on its random 20 %
    curve: tuple[float, ...]  #: accuracy on the validation patients after each epoch
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value.as_dict() if isinstance(value, Score) else value for name, value in content.items()}


@dataclass(frozen=True)
class Leaderboard:
    entries: list[Entry]  #: by epochs trained, then by accuracy on the validation patients
    epochs: int  #: of a network that was trained to the end
    complete: bool

    @property
    def finalists(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.epochs == self.epochs]

    @property
    def chosen(self) -> Entry | None:
        """The best of those trained to the end, on validation patients."""
        return next(iter(self.finalists), None)

    @property
    def best_on_test(self) -> Entry | None:
        """What the study would have named: the best of all on the test part itself."""
        scored = [entry for entry in self.entries if entry.test]
        return max(scored, key=lambda entry: entry.test.accuracy if entry.test else 0, default=None)

    @property
    def both_protocols(self) -> list[Entry]:
        return [entry for entry in self.finalists if entry.study]

    def as_dict(self) -> dict[str, Any]:
        chosen, best, both = self.chosen, self.best_on_test, self.both_protocols
        return {
            "networks": len(self.entries),
            "complete": self.complete,
            "chosen": chosen and chosen.as_dict(),
            "best_on_test": best and best.as_dict(),
            "both_protocols": [entry.as_dict() for entry in both],
            "entries": [entry.as_dict() for entry in self.entries],
        }

    def as_text(self) -> str:
        lines = [f"{len(self.entries)} networks, {len(self.finalists)} of them trained for all {self.epochs} epochs"]
        lines += [f"  {entry.name} was not trained: {entry.problem}" for entry in self.entries if entry.problem]
        chosen, best = self.chosen, self.best_on_test
        lines.append("accuracy, with 95 % intervals by patient")
        if chosen and chosen.validation and chosen.test:
            lines += [
                f"  chosen on the validation patients: {chosen.name}",
                f"    there {chosen.validation}; on the test patients, which chose nothing: {chosen.test}",
            ]
        if best and best.test and best.validation:
            lines += [
                f"  the study's choice, best of all on the test part: {best.name}, would have claimed {best.test}",
                f"    on the validation patients, which did not choose it: {best.validation}",
            ]
        if chosen and best and chosen.test and best.test:
            lines.append(f"    choosing on the test part adds {best.test.accuracy - chosen.test.accuracy:+.4f}")
        both = self.both_protocols
        if both:
            lines.append("  the same networks by both protocols: split by patient, and the study's random 80/20")
            lines += [f"    {entry.name:<22} {entry.test}   {entry.study}" for entry in both]
            gain = sum(e.study.accuracy - e.test.accuracy for e in both if e.study and e.test) / len(both)
            lines.append(f"    the random split adds {gain:+.4f} on average")
        if not self.complete:
            lines.append("not finished: run the same command again to go on")
        return "\n".join(lines)


def leaderboard(sweep: Sweep, complete: bool) -> Leaderboard:
    """Read what stands in the sweep's folder."""
    entries = [_entry(sweep, name) for name in sweep.recipe.networks]

    def rank(entry: Entry) -> tuple[float, ...]:
        score = entry.validation
        return (-entry.epochs, -score.accuracy, score.loss) if score else (1, 0, 0)

    return Leaderboard(sorted(entries, key=rank), sweep.recipe.rungs[-1], complete)


def write_csv(board: Leaderboard, out: Path) -> None:
    """One row a network, best first; numbers with the digits that were measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    scores = ("validation", "test", "study")
    columns = ["rank", "name", "architecture", "options", "parameters", "ms_a_film", "seconds_an_epoch", "epochs"]
    columns += [f"{score}_{figure}" for score in scores for figure in ("accuracy", "low", "high", "loss")]
    writer.writerow([*columns, "problem"])
    for place, entry in enumerate(board.entries, 1):
        row: list[Any] = [place, entry.name, entry.architecture, json.dumps(entry.options), entry.parameters]
        row += [entry.ms_a_film, entry.seconds_an_epoch, entry.epochs]
        for key in scores:
            score: Score | None = getattr(entry, key)
            row += [score.as_dict()[f] if score else "" for f in ("accuracy", "low", "high", "loss")]
        writer.writerow(["" if cell is None else cell for cell in [*row, entry.problem]])
    replace_bytes(out, text.getvalue().encode(), in_own_folder)


def _entry(sweep: Sweep, name: str) -> Entry:
    settings = sweep.recipe.networks[name]
    run, study = sweep.folder(GROUPED, name), sweep.folder(RANDOM, name)
    record = _read(run / "run.json", json.loads, {})
    figures = _read(sweep.out / "networks" / f"{name}.json", json.loads, {})
    scored = record.get("scored_epochs", 0)
    finished = _read(study / "run.json", json.loads, {}).get("finished", False)
    return Entry(
        name,
        settings.architecture,
        settings.options,
        epochs=scored,
        parameters=figures.get("parameters"),
        ms_a_film=figures.get("ms_a_film"),
        seconds_an_epoch=record.get("seconds_an_epoch"),
        validation=read_score(run / "scores.csv", "validate") if scored else None,
        test=read_score(run / "scores.csv", "hold_out") if scored else None,
        study=read_score(study / "scores.csv", "hold_out") if finished else None,
        curve=_read(run / "history.csv", _curve, ()),
        problem=_read(sweep.problem(GROUPED, name), str, ""),
    )


def _read(path: Path, parse: Callable[[str], Any], default: Any) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default


def _curve(text: str) -> tuple[float, ...]:
    return tuple(float(row["val_accuracy"]) for row in csv.DictReader(text.splitlines()))
