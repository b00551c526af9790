"""What a sender writes never makes a path; doubles, late films and kills lose nothing."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from xscan.engine.errors import OutputError, StorageError
from xscan.engine.pacs.journal import Journal
from xscan.engine.pacs.objects.result import MODEL_NAME
from xscan.engine.pacs.settle import Why
from xscan.engine.pacs.store import NoRoom, Outcome, Pruned, Store, journal_of, make_folder

from .peers import films


class Place:
    """A store with its journal, as after a start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "store"
        self.state = folder / "state"
        make_folder(self.state)
        self.today = date(2026, 11, 29)

    def open(self, journal: Journal, floor: int = 0) -> tuple[Store, int]:
        store = Store(self.folder, self.state, journal, floor=floor, most=1 << 26, today=lambda: self.today)
        return store, store.open()

    @property
    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with journal_of(place.state) as journal:
        yield journal


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return [path.read_bytes() for path in films(tmp_path_factory.mktemp("films"), 3)]


def changed(content: bytes, **elements: object) -> bytes:
    from io import BytesIO

    film = pydicom.dcmread(BytesIO(content))
    film.file_meta.ImplementationVersionName = "ANOTHER"
    for name, value in elements.items():
        setattr(film, name, value)
    out = BytesIO()
    film.save_as(out)
    return out.getvalue()


def test_a_film_lies_by_day_study_and_content(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    kept = store.keep(content[0])
    assert kept.outcome is Outcome.NEW
    (file,) = place.files
    day, study, film = file.split("/")
    assert (day, len(study), len(film)) == ("2026-11-29", 16, 36)
    assert (place.folder / file).read_bytes() == content[0]
    if os.name != "nt":
        assert (place.folder / file).stat().st_mode & 0o077 == 0
    assert os.listdir(place.state / "arriving") == []


def test_a_later_film_of_a_study_joins_it(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    first = store.keep(content[0])
    place.today = date(2026, 11, 30)
    study = pydicom.dcmread(place.folder / place.files[0]).StudyInstanceUID
    second = store.keep(changed(content[1], StudyInstanceUID=study))
    other = store.keep(content[2])
    assert first.study == second.study != other.study
    assert [file.split("/")[0] for file in place.files] == ["2026-11-29", "2026-11-29", "2026-11-30"]


def test_doubles(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    store.keep(content[0])
    assert store.keep(content[0]).outcome is Outcome.DOUBLE
    other = changed(content[0], PatientComments="other content, the same UID")
    assert store.keep(other).outcome is Outcome.CONFLICT
    assert len(place.files) == 2
    assert journal.counts() == {"films": 2, "studies": 1, "doubles": 1, "arriving": 1, "waiting": 0}
    # The same film, sent by other software: it says of itself so in the File Meta Information.
    again = changed(content[0])
    assert again[:400] != content[0][:400]
    assert store.keep(again).outcome is Outcome.DOUBLE


def test_a_film_whose_file_was_deleted_is_stored_again(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    kept = store.keep(content[0])
    assert journal.settle(kept.study or 0, Why.QUIET)
    shutil.rmtree(place.folder / "2026-11-29")
    assert store.keep(content[0]).outcome is Outcome.NEW
    assert len(place.files) == 1
    assert journal.arriving() == [kept.study]


@pytest.mark.parametrize(
    "uid",
    ["../../../etc/passwd", "1.2.3/../..", "C:\\windows", "%s%n", "$(reboot)", "a" * 64, "1.2\0.3", "", "..", "'; --"],
)
def test_hostile_uids_make_no_path(place: Place, journal: Journal, content: list[bytes], uid: str) -> None:
    """Written into the bytes, for pydicom would refuse some."""
    store, _ = place.open(journal)
    hostile = content[0]
    for tag in (b"\x08\0\x18\0UI", b"\x20\0\x0d\0UI"):
        at = hostile.index(tag)
        length = int.from_bytes(hostile[at + 6 : at + 8], "little")
        value = uid.encode()[:length].ljust(length, b"\0")
        hostile = hostile[: at + 8] + value + hostile[at + 8 + length :]
    assert store.keep(hostile).outcome is Outcome.NEW
    (file,) = place.files
    day, study, name = file.split("/")
    assert day == "2026-11-29"
    assert set(study + name.removesuffix(".dcm")) <= set("0123456789abcdef")
    assert sorted(os.listdir(place.folder.parent)) == ["state", "store"]


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 200, b"DICM" * 100, os.urandom(5000)])
def test_what_cannot_be_read_is_kept_for_the_list_to_say(place: Place, journal: Journal, rubbish: bytes) -> None:
    store, _ = place.open(journal)
    assert store.keep(rubbish).outcome is Outcome.NEW
    assert store.keep(rubbish).outcome is Outcome.DOUBLE
    assert len(place.files) == 1


def test_our_own_secondary_capture_is_not_kept(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    own = changed(content[0], SOPClassUID=SecondaryCaptureImageStorage, ManufacturerModelName=MODEL_NAME)
    assert store.keep(own).outcome is Outcome.OWN
    other = changed(content[0], SOPClassUID=SecondaryCaptureImageStorage, Manufacturer="digitiser")
    assert store.keep(other).outcome is Outcome.NEW


def test_below_the_floor_nothing_is_written(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal, floor=1 << 60)
    with pytest.raises(NoRoom):
        store.keep(content[0])
    assert place.files == []
    assert journal.counts()["films"] == 0


def test_a_full_disk_leaves_nothing_behind(
    place: Place, journal: Journal, content: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = place.open(journal)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        store.keep(content[0])
    monkeypatch.undo()
    assert place.files == []
    assert os.listdir(place.state / "arriving") == []
    assert store.keep(content[0]).outcome is Outcome.NEW


def test_a_journal_that_cannot_grow_takes_films_again_when_it_can(
    place: Place, journal: Journal, content: list[bytes]
) -> None:
    """SQLite's own limit is what a full disk says: SQLITE_FULL, in the middle of a change."""
    store, _ = place.open(journal)
    with journal._reading() as db:
        [pages] = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    kept: list[int] = []

    def add_many() -> None:
        for number in range(200):
            journal.add(f"1.2.{number}", f"{number:064d}", f"1.3.{number}", f"f{number}", f"f{number}/f.dcm")
            kept.append(number)

    with pytest.raises(StorageError, match="disk is full"):
        add_many()
    with journal._reading() as db:
        db.execute("PRAGMA max_page_count = 100000")
    assert journal.counts()["films"] == len(kept)
    assert store.keep(content[0]).outcome is Outcome.NEW
    assert journal.counts()["films"] == len(kept) + 1


def test_two_senders_bring_one_film_at_once(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    outcomes = []
    senders = [threading.Thread(target=lambda: outcomes.append(store.keep(content[0]).outcome)) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(outcome.name for outcome in outcomes) == ["DOUBLE"] * 7 + ["NEW"]
    assert len(place.files) == 1


def test_films_that_the_journal_does_not_know_are_taken_up(place: Place, content: list[bytes]) -> None:
    """Killed between the rename and the note; or the journal's end was lost with the power."""
    with journal_of(place.state) as journal:
        store, _ = place.open(journal)
        for one in content:
            store.keep(one)
    for file in place.state.glob("journal.sqlite*"):
        file.unlink()
    (place.state / "arriving" / f".{'0' * 16}.tmp.{'a' * 32}.dcm").write_bytes(b"half a film")
    (place.folder / "2026-11-29" / "somebody's.txt").write_text("stays")
    with journal_of(place.state) as journal:
        store, taken_up = place.open(journal)
        assert taken_up == 3
        assert os.listdir(place.state / "arriving") == []
        assert journal.counts()["arriving"] == 3
        assert store.keep(content[0]).outcome is Outcome.DOUBLE
    assert len(place.files) == 4


def test_a_late_film_supersedes(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    study = store.keep(content[0]).study or 0
    assert journal.settle(study, Why.QUIET)
    assert not journal.settle(study, Why.QUIET)  # nothing new
    (first,) = journal.unscored()
    assert (first.late, first.films) == (False, 1)
    journal.scored([first])
    assert journal.unscored() == []
    uid = first.uid
    store.keep(changed(content[1], StudyInstanceUID=uid))
    assert journal.settle(study, Why.LONGEST)
    (second,) = journal.unscored()
    assert (second.late, second.films, second.uid, second.folder) == (True, 1, uid, first.folder)
    journal.scored([second])
    with journal._reading() as db:
        rows = db.execute("SELECT number, why, superseded FROM settling").fetchall()
    assert rows == [(first.number, "quiet", second.number), (second.number, "longest", None)]


def test_something_else_at_the_journals_place(place: Place) -> None:
    (place.state / "journal.sqlite").write_bytes(b"not a database, but somebody's notes" * 100)
    with pytest.raises(OutputError, match="no file of xscan"), journal_of(place.state):
        pass
    assert (place.state / "journal.sqlite").read_bytes().startswith(b"not a database")
    import sqlite3

    (place.state / "journal.sqlite").unlink()
    db = sqlite3.connect(place.state / "journal.sqlite")
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(OutputError, match="no journal of this version"), journal_of(place.state):
        pass


def test_old_films_go_and_nothing_else(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    paths: list[Path] = []
    for one in content:
        kept = store.keep(one)
        paths += [path for file in place.files if (path := place.folder / file) not in paths]
        if len(paths) < 3:
            journal.settle(kept.study or 0, Why.QUIET)
    first, second, third = paths
    assert store.prune(time.time() + 60) == 0  # not one is scored yet
    journal.scored(journal.unscored())
    assert store.prune(time.time() - 60) == 0  # they came a moment ago
    note = first.with_name("somebody's.txt")
    note.write_text("stays")
    wanted = str(pydicom.dcmread(second).SOPInstanceUID)
    pruned = Pruned(place.state)
    assert pruned.stands() == b""
    assert store.prune(time.time() + 60, {wanted}) == 1
    assert (first.exists(), second.exists(), third.exists(), note.exists()) == (False, True, True, True)
    stood = pruned.stands()
    assert stood
    assert store.prune(time.time() + 60) == 1
    assert not second.parent.exists()
    pruned.done(stood)
    assert pruned.stands()  # a later one stands
    pruned.done(pruned.stands())
    assert pruned.stands() == b""
    assert journal.counts() == {"films": 1, "studies": 1, "doubles": 0, "arriving": 1, "waiting": 0}
    assert store.keep(content[0]).outcome is Outcome.NEW  # it is a new film again


def test_old_films_go_from_a_full_disk_too(
    place: Place, journal: Journal, content: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be written before the first of them is gone."""
    store, _ = place.open(journal)
    journal.settle(store.keep(content[0]).study or 0, Why.QUIET)
    journal.scored(journal.unscored())
    (film,) = (place.folder / file for file in journal.files())
    to_disk = os.fsync

    def fsync(number: int) -> None:
        if film.exists():
            raise OSError(errno.ENOSPC, "full")
        to_disk(number)

    monkeypatch.setattr(os, "fsync", fsync)
    assert store.prune(time.time() + 60) == 1
    assert Pruned(place.state).stands()  # the list may lose its row


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_in_a_films_place_is_not_followed(place: Place, journal: Journal, content: list[bytes]) -> None:
    store, _ = place.open(journal)
    journal.settle(store.keep(content[0]).study or 0, Why.QUIET)
    journal.scored(journal.unscored())
    (film,) = (place.folder / file for file in journal.files())
    theirs = place.folder.parent / "theirs"
    theirs.write_text("stays")
    film.unlink()
    film.symlink_to(theirs)
    assert store.prune(time.time() + 60) == 0
    assert film.is_symlink()
    assert theirs.read_text() == "stays"
