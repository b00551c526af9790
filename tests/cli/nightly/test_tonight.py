"""Lists by date, as `xscan batch --out '.../{date}/...'` makes them night after night."""

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xscan.cli.nightly.tonight import Tonight
from xscan.cli.terminal.console import Console
from xscan.engine.batch.settings import BatchSettings, Summary
from xscan.engine.errors import UsageError
from xscan.engine.lists.run_report import RunReport, State
from xscan.engine.nights import clock
from xscan.engine.nights.look_back import runs
from xscan.engine.runtime.choose import choose

from ...conftest import Xscan


class Clinic:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.day = root, 1
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, self.day, 2, tzinfo=UTC))

    def night(self, engine: str = "seed") -> Summary:
        lists = self.root / "lists" / "{date}"
        tonight = Tonight.of(lists / "t.csv", lists / "t.html")
        settings = BatchSettings(
            folder=self.root / "films",
            out=tonight.out,
            page=tonight.page,
            engine=choose(engine).path,
            engine_may_change=True,
            workers=1,
            batch_size=2,
            thumbnails=False,
            state=self.root / "state",
        )
        return tonight.run(settings, threading.Event(), lambda _: None, Console(quiet=True))


@pytest.fixture
def clinic(tmp_path: Path, phantoms: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    shutil.copytree(phantoms, tmp_path / "films")
    (tmp_path / "lists").mkdir()
    return Clinic(tmp_path, monkeypatch)


def test_nights_by_date(clinic: Clinic):
    first = clinic.night()
    assert first.new is not None
    assert first.new.total() == first.scored
    films = sorted((clinic.root / "films").rglob("*.png"))
    shutil.copy(films[0], films[0].with_name("new.png"))
    cut_off = clinic.root / "lists/2026-03-02/t.csv"
    cut_off.parent.mkdir()
    RunReport(State.RUNNING).write(cut_off)  # of the second night nothing else is left
    clinic.day = 3
    third = clinic.night()
    lists = [(clinic.root / f"lists/2026-03-0{day}/t.csv").read_bytes() for day in (1, 2, 3)]
    assert lists[1] == lists[2]  # yesterday's is finished first, and holds every film that is there
    assert len(lists[2].splitlines()) == len(lists[0].splitlines()) + 1
    assert third.kept == third.files
    assert '"since":"2026-03-0' in (clinic.root / "lists/2026-03-03/t.html").read_text(encoding="utf-8")
    assert [run.state for run in runs(clinic.root / "state")] == ["finished"] * 3
    assert [run.scored for run in runs(clinic.root / "state")][1] == 1
    clinic.day = 4
    fourth = clinic.night("compact")
    assert fourth.engine_changed
    assert fourth.kept == 0


def test_the_page_alone_cannot_bear_the_date(tmp_path: Path):
    with pytest.raises(UsageError, match="give both"):
        Tonight.of(tmp_path / "t.csv", tmp_path / "{date}.html")


def test_the_command_line(tmp_path: Path, phantoms: Path, xscan: Xscan):
    out = tmp_path / "{date}" / "t.csv"
    settings = tmp_path / "xscan.toml"
    settings.write_text('[nights]\nstate = "state"\n\n[page]\nlarge-megabytes = 0\n', encoding="utf-8")
    options = ("--out", out, "--engine", "seed", "--workers", 1, "--report")
    done = xscan("--config", settings, "batch", phantoms, *options)
    assert done.returncode == 0, done.stderr
    assert "new tonight" in done.stderr
    [page] = tmp_path.glob("*/t.html")
    assert page.read_text(encoding="utf-8").count("\n/9j/") == 12  # in a folder that the run made itself
    assert 'id="large' not in page.read_text(encoding="utf-8")
    again = ("report", page.with_suffix(".csv"), phantoms, "--out", tmp_path / "again.html", "--engine", "seed")
    assert xscan("--config", settings, *again).returncode == 0
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()  # what is new tonight, too
    assert (tmp_path / "state" / "history.sqlite").exists()
    other = tmp_path / "other-{date}" / "t.csv"
    unusable = xscan("--config", settings, "batch", phantoms, "--out", other, "--engine", settings)
    assert unusable.returncode == 4, unusable.stderr
    assert not list(tmp_path.glob("other-*"))
    checked = xscan("schedule", "check", "--out", out)
    assert checked.returncode == 0, checked.stderr
    told = xscan("--config", settings, "history", "--json", "--page", tmp_path / "h.html")
    assert '"runs": [{' in told.stdout
    assert str(tmp_path) not in told.stdout
    page = (tmp_path / "h.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert xscan("--config", settings, "history", "prune", "--older-than", "1d").returncode == 0
    broken = settings.with_name("other.toml")
    broken.write_text('[nights]\nplace = "x"\n', encoding="utf-8")
    assert xscan("--config", broken, "history").returncode == 2
    broken.write_text("[page]\nlarge-megabytes = -1\n", encoding="utf-8")
    refused = xscan("--config", broken, "report", next(tmp_path.glob("*/t.csv")), "--no-thumbnails")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "large-megabytes must be" in refused.stderr
