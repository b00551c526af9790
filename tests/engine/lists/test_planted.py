"""Whatever stands at a name that a run writes, in whatever form: it is there afterwards, and links lead nowhere."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from xscan.engine.disk.overwrite import require_page
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import OutputError
from xscan.engine.lists.formats import OURS, convert, target_of
from xscan.engine.lists.output import Output
from xscan.engine.lists.run_report import State
from xscan.engine.lists.studies import require_studies, studies_path, write_studies
from xscan.engine.lists.table import Row

FILM = b"\xff\xd8\xff a film"
#: What looks most like xscan's own, and is not.
LIKE = {
    "n.csv": b"file,status,priority\nmine,ok,urgent\n",
    "n.csv.part": b"file,status\n",
    "n.csv.prev": b"file,status\n",
    "n.csv.sums": b"0 0\n",
    "n.csv.lock": b"mine",
    "n.csv.lock.json": b'{"pid": "mine"}',
    "n.csv.run.json": b'{"state": 3}',
    "n.csv.films": b"SQLite format 3\0",
    "n.html": b"<!doctype html>\n<title>what I think of xscan</title>",
    "n.jsonl": b'{"file": "mine", "sop_uid": "1"}\n',
    "n.parquet": b"PAR1 mine PAR1",
    "n.excel.csv": b"\xef\xbb\xbffile;mine",
    "n.studies.csv": b"study_uid,mine\n",
}


def victim(path: Path) -> Path:
    return path.parent / "elsewhere" / "victim"


def folder(path: Path) -> None:
    path.mkdir()
    (path / "film.jpeg").write_bytes(FILM)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


FORMS: dict[str, Callable[[Path], object]] = {
    "a look-alike": lambda path: path.write_bytes(LIKE[path.name]),
    "a film": lambda path: path.write_bytes(FILM),
    "a folder with a film": folder,
    "an empty folder": Path.mkdir,
    "a link to a film": lambda path: path.symlink_to(victim(path)),
    "a link to nothing": lambda path: path.symlink_to(path.parent / "elsewhere" / "new"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a hard link to a film": lambda path: os.link(victim(path), path),
    "a pipe": lambda path: os.mkfifo(path),
    "a socket": listening,
}


def state(root: Path) -> dict[str, tuple[int, str, bytes]]:
    found = {}
    for path in sorted(root.rglob("*")):
        kind = stat.S_IFMT(path.lstat().st_mode)
        target = os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(root))] = (kind, target, path.read_bytes() if stat.S_ISREG(kind) else b"")
    return found


def night(out: Path) -> None:
    """All that a run writes, in its order."""
    formats = ("jsonl", "parquet", "excel")
    page = out.with_name("n.html")
    others = {target_of(out, name): OURS[name] for name in formats} | {
        studies_path(out): require_studies,
        page: require_page,
    }
    with Output(out, {"engine": "e"}, others=others) as output:
        output.write([Row("a.dcm", "ok", "urgent", "virus", "0.1", "0.2", "0.7", "0.9", study_uid="1.2", model="m@1")])
        output.finish(None)
        convert(out, formats)
        write_studies(out, lambda _: "")
        replace_bytes(page, b"<!doctype html>", require_page)
        output.write_report(State.FINISHED, {})


@pytest.mark.skipif(os.name == "nt", reason="pipes, sockets, and links for everyone")
@pytest.mark.parametrize("form", FORMS)
def test_what_stands_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    refused = 0
    for number, name in enumerate(LIKE):
        root = tmp_path / str(number)
        (root / "elsewhere").mkdir(parents=True)
        victim(root / name).write_bytes(FILM)
        FORMS[form](root / name)
        before = state(root)
        try:
            night(root / "n.csv")
        except OutputError:
            refused += 1
        after = state(root)
        contents = {content for _, _, content in after.values()}
        lost = [path for path, was in before.items() if after.get(path) != was and not (was[2] and was[2] in contents)]
        # What may have been a list or a report is renamed, with its content; a folder may only be xscan's own kind.
        assert lost in ([], [name] if (form, name) == ("an empty folder", "n.csv.films") else []), (form, name)
        assert "elsewhere/new" not in after
    assert refused >= 9
