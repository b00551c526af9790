"""What trials of `xscan archive` share: films, the batch's list that an archive's must be, and how far a run has come.

A trial's films are those of the folders that are given (`xscan phantom films --count 24` makes one), and copies of some
as real exports have them: cut short, in a zip, twice; all linked until there are enough files. Its commands keep their
history and temporary files in the trial's own folder.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from kill_test import spread

EXPORTED = 24  #: films that also come in the zip
DAMAGED = 6  #: films that also come cut short


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all trials have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("films", type=Path, nargs="+", help="folders of radiographs")
    made.add_argument("--files", type=int, default=600)
    made.add_argument("--engine", default="compact")
    made.add_argument("--block", type=int, default=16)
    return made


class Trial:
    """In `root`, an empty folder. Makes the films, and the list that a batch makes of them."""

    def __init__(self, root: Path, options: argparse.Namespace) -> None:
        self.place = root / "place"
        self._whole = root / "whole.csv"
        self._options = options
        self.environment = os.environ | {"TMPDIR": str(root), "XDG_STATE_HOME": str(root / "state")}
        self._films = spread(_sources(options.films, root / "sources"), root / "films", options.files)
        subprocess.run(self._command("batch", "--out", self._whole), check=True, env=self.environment)

    def command(self, *options: object) -> list[str]:
        """The archive's command line."""
        return self._command("archive", "--out", self.place, "--block", self._options.block, *options)

    def _command(self, name: str, *options: object) -> list[str]:
        words = [sys.executable, "-m", "xscan.cli", name, self._films, "--engine", self._options.engine, "-q"]
        return [str(word) for word in (*words, "--max-failures", "100%", *options)]

    @property
    def parts(self) -> int:
        """Blocks that are done."""
        with contextlib.suppress(OSError):
            return len(list((self.place / "archive" / "parts").glob("0*.parquet")))
        return 0

    @property
    def blocks(self) -> int:
        """At least: a zip has many films."""
        return self._options.files // self._options.block

    def is_same(self) -> bool:
        """Whether the archive's list is the batch's, byte for byte; prints which."""
        whole, made = self._whole.read_bytes(), b""
        with contextlib.suppress(OSError):
            made = (self.place / "triage.csv").read_bytes()
        rows = whole.count(b"\n") - 1
        print(f"the list of {self._options.files} files, {rows} rows, is {'the same' if made == whole else 'WRONG'}")
        return made == whole


def _sources(folders: list[Path], target: Path) -> Path:
    """The folders' files, and what real exports add to them."""
    for number, folder in enumerate(folders):
        spread(folder, target / f"{number}", sum(path.is_file() for path in folder.rglob("*")))
    films = sorted(path for path in target.rglob("*") if path.is_file())
    extra = target / "extra"
    extra.mkdir()
    with zipfile.ZipFile(extra / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for film in films[:: max(1, len(films) // EXPORTED)]:
            archive.write(film, f"night/{film.name}")
    for number, film in enumerate(films[:: max(1, len(films) // DAMAGED)]):
        whole = film.read_bytes()
        (extra / f"cut-{number}").write_bytes(whole[: len(whole) // (number + 2)])
    (extra / "notes.txt").write_text("no film")
    return target
