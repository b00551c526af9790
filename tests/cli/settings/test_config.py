"""The settings file, through the command line: who wins, where it is looked for, what is refused."""

import json
import os
import sys
from pathlib import Path

import pytest

from xscan.cli.settings.file import user_folder

from ...conftest import Xscan

FULL = """
[batch]
engine = "engines/fast.engine"
max-failures = "2%"
workers = 2
out = "lists/tonight.csv"
format = ["jsonl"]
quiet = true

[operating-points]
rule-in = "sensitivity=0.9"
"""


class Place:
    """A current folder and a home of its own for each test."""

    def __init__(self, xscan: Xscan, folder: Path) -> None:
        self.xscan = xscan
        self.here = folder / "here"
        self.here.mkdir()
        home = folder / "home"
        self.env = os.environ | {"XDG_CONFIG_HOME": str(home), "APPDATA": str(home), "HOME": str(home)}
        user = {"darwin": home / "Library" / "Application Support"}.get(sys.platform, home) / "xscan"
        user.mkdir(parents=True)
        self.user_file = user / "xscan.toml"
        self.file = self.here / "xscan.toml"

    def __call__(self, *args: object, cwd: Path | None = None):
        return self.xscan(*args, cwd=cwd or self.here, env=self.env)

    def sources(self, *args: object, cwd: Path | None = None) -> dict[str, tuple[object, str]]:
        run = self("config", "show", "--json", *args, cwd=cwd)
        assert run.returncode == 0, run.stderr
        rows = json.loads(run.stdout)["settings"]
        return {f"{row['command']}.{row['setting']}": (row["value"], row["source"]) for row in rows}


@pytest.fixture
def place(xscan: Xscan, tmp_path: Path) -> Place:
    return Place(xscan, tmp_path)


def test_without_a_file_nothing_is_set(place: Place) -> None:
    assert place.sources() == {}
    assert "default" in place("config", "show").stdout
    run = place("config", "path")
    assert run.returncode == 0
    assert run.stdout == ""
    assert str(place.user_file) in run.stderr


def test_each_value_says_where_it_came_from(place: Place) -> None:
    place.file.write_text(FULL)
    (place.here / "films").mkdir()
    here = str(place.file)
    found = place.sources()
    assert found["batch.max-failures"] == ("2%", here)
    assert found["batch.format"] == (["jsonl"], here)
    assert found["batch.quiet"] == (True, here)
    assert found["operating-points.rule-in"] == ("sensitivity=0.9", here)
    # paths are meant from the file's folder, wherever a job is started
    assert found["batch.out"] == (str(place.here / "lists" / "tonight.csv"), here)
    assert found["batch.engine"] == (str(place.here / "engines" / "fast.engine"), here)
    found = place.sources("-v", "--", "batch", "films", "--workers", 4)
    assert found["batch.workers"] == (4, "flag")
    assert found["batch.batch-size"] == (8, "default")
    assert found["batch.max-failures"] == ("2%", here)
    assert place("config", "path").stdout.strip() == here
    assert "workers" in place("config", "show").stdout


def test_the_current_folder_comes_before_the_users(place: Place, tmp_path: Path) -> None:
    place.user_file.write_text("\ufeff[batch]\nmax-failures = 7\n", encoding="utf-8")  # as Notepad saves it
    assert place.sources()["batch.max-failures"] == ("7", str(place.user_file))
    place.file.write_text("[batch]\nworkers = 2\n")
    assert list(place.sources()) == ["batch.workers"]
    other = tmp_path / "other.toml"
    other.write_text("[train]\nepochs = 3\n")
    run = place("--config", other, "config", "show")
    assert run.stdout.startswith("train.epochs = 3")


def test_flags_win_and_settings_reach_a_run(place: Place, phantoms: Path) -> None:
    place.file.write_text('[batch]\nout = "list.csv"\nmin-files = 500\n')
    run = place("batch", phantoms, "--workers", 1)
    assert run.returncode == 2
    assert "--min-files 500" in run.stderr
    assert (place.here / "list.csv").exists()
    assert place("batch", phantoms, "--workers", 1, "--min-files", 1).returncode == 0


@pytest.mark.parametrize("inside", [".", "deep/er"])
def test_an_export_cannot_choose_an_engine(place: Place, inside: str) -> None:
    films = place.here / "films"
    (films / inside).mkdir(parents=True)
    (films / inside / "xscan.toml").write_text('[batch]\nengine = "evil.onnx"\nout = "evil.csv"\n')
    place.user_file.write_text("[batch]\nworkers = 3\n")
    found = place.sources("--", "batch", films, cwd=films / inside)
    assert found == {"batch.workers": (3, str(place.user_file))}
    run = place("batch", films, "--out", place.here / "list.csv", cwd=films / inside)
    assert run.returncode == 0, run.stderr
    assert "xscan.toml of the current folder is not read" in run.stderr
    assert "evil" not in run.stderr
    if os.name == "posix":  # by another name, too
        (place.here / "link").symlink_to(films)
        assert place.sources("--", "batch", place.here / "link", cwd=films / inside) == found
    # a file named on purpose is the user's choice
    explicit = place("--config", "xscan.toml", "config", "show", "--", "batch", films, cwd=films / inside)
    assert "evil.onnx" in explicit.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[batch]\nworker = 2", "[batch] worker is no setting: did you mean workers?"),
        ("[bach]\nworkers = 2", "there is no command [bach]: did you mean batch?"),
        ("workers = 2", "workers stands outside a table"),
        ('[batch]\nworkers = "x"', "[batch] workers cannot be 'x'"),
        ("[batch]\nworkers = -3", "[batch] workers cannot be -3"),
        ("[batch]\nworkers = 2.5", "[batch] workers cannot be 2.5"),
        ('[batch]\nquiet = "yes"', "[batch] quiet must be true or false"),
        ("[batch]\nengine = true", "[batch] engine must be a text"),
        ("[batch]\nformat = {a = 1}", "[batch] format must be a list"),
        ("[batch]\nfolder = 'x'", "[batch] folder is no setting"),
        ("[config.sho]\nverbose = true", "[config] sho is no setting: did you mean show?"),
        ("[batch", "not valid TOML"),
        ('[batch]\nengine = "C:\\x\\y.onnx"', "write Windows paths in single quotes"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(place: Place, text: str, says: str) -> None:
    place.file.write_text(text)
    run = place("doctor")
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert str(place.file) in run.stderr
    assert says in run.stderr


def test_a_missing_or_odd_file(place: Place) -> None:
    run = place("--config", "none.toml", "config", "show")
    assert run.returncode == 2
    assert "no settings file none.toml" in run.stderr
    place.file.write_text("broken")
    assert place("config", "path").stdout.strip() == str(place.file)  # which says where the broken file is
    place.file.write_bytes("[batch]\n".encode("utf-16"))
    assert "is not UTF-8" in place("config", "show").stderr
    assert place("--help").returncode == 0


def test_the_users_folder_on_each_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("xscan.cli.settings.file.Path.home", lambda: tmp_path)
    if os.name == "posix":
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
        assert user_folder() == tmp_path / ".config" / "xscan"
        monkeypatch.setattr(sys, "platform", "darwin")
        assert user_folder() == tmp_path / "Library" / "Application Support" / "xscan"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_a_file_that_others_may_write_is_not_read(place: Place) -> None:
    """It could name a command to run. Told of, and read where it is named."""
    text = "[batch]\nworkers = 3\nnotify = \"sh -c 'touch planted'\"\n"
    for file, mode in ((place.file, 0o666), (place.user_file, 0o602)):
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        run = place("batch", place.here / "gone", "--out", place.here / "list.csv")
        assert run.returncode == 2
        assert "is not read" in run.stderr
        assert "--config" in run.stderr
        assert not (place.here / "planted").exists()
        assert place.sources() == {}
        named = place("--config", file, "config", "show", "--json")
        assert "batch" in {row["command"] for row in json.loads(named.stdout)["settings"]}
        file.chmod(0o644)
        assert "batch.workers" in place.sources()
        file.unlink()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_not_read(place: Place) -> None:
    place.file.write_text("[batch]\nworkers = 3\n", encoding="utf-8")
    os.chown(place.file, 65534, 65534)
    assert place.sources() == {}
    os.chown(place.file, 0, 0)
    place.file.rename(place.here / "real.toml")
    place.file.symlink_to("real.toml")
    assert "batch.workers" in place.sources()
    os.chown(place.file, 65534, 65534, follow_symlinks=False)
    assert place.sources() == {}
    place.here.chmod(0o1777)  # as /tmp, where the kernel follows no link of another user
    assert place.sources() == {}
