"""One writer: whole or not at all, never over or through what xscan did not make."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xscan.engine.disk import replace
from xscan.engine.disk.overwrite import in_own_folder, made_here, require_absent, require_log, require_page
from xscan.engine.disk.replace import create, failure, move, remove_left, replace_bytes, replacing, replacing_path
from xscan.engine.errors import OutputError, StorageError, XscanError
from xscan.engine.lists.run_report import RunReport
from xscan.engine.lists.table import require_list

OURS = made_here("note", b"ours:")
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and links")
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..") and len(os.fsencode(name)) < 240
)


def tree(folder: Path) -> dict[str, tuple[str, bytes | str]]:
    """Everything below a folder: what it is and what it holds."""
    found: dict[str, tuple[str, bytes | str]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder", "")
        else:
            found[name] = ("file", path.read_bytes() if stat.S_ISREG(path.stat().st_mode) else "")
    return found


@posix
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=names,
    stands=st.sampled_from(["nothing", "ours", "theirs", "empty", "link", "dangling", "hard link", "folder", "fifo"]),
    content=st.binary(max_size=60),
    fails=st.booleans(),
)
def test_the_writer_replaces_its_own_alone_and_whole(tmp_path_factory, name, stands, content, fails):
    place = tmp_path_factory.mktemp("w")
    (place / "else").mkdir()
    victim = place / "else" / "victim"
    victim.write_bytes(b"a film")
    (place / "here").mkdir()
    target = place / "here" / name
    match stands:
        case "ours":
            target.write_bytes(b"ours: before")
        case "theirs":
            target.write_bytes(b"a film")
        case "empty":
            target.touch()
        case "link":
            target.symlink_to(victim)
        case "dangling":
            target.symlink_to(place / "else" / "new")
        case "hard link":
            os.link(victim, target)
        case "folder":
            target.mkdir()
        case "fifo":
            os.mkfifo(target)
    before = tree(place)
    may = stands in ("nothing", "ours", "empty")

    def write() -> None:
        with replacing(target, OURS, private=True) as stream:
            stream.write(b"ours: " + content)
            if fails:
                raise OSError(errno.ENOSPC, "full")

    if may and not fails:
        write()
        assert tree(place) == before | {f"here/{name}": ("file", b"ours: " + content)}
    else:
        with pytest.raises(StorageError if may else OutputError):
            write()
        assert tree(place) == before


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, StorageError, "the disk is full"),
        (errno.EFBIG, StorageError, "the disk is full"),
        (errno.EIO, StorageError, "bring its disk or share back"),
        (getattr(errno, "ESTALE", errno.EIO), StorageError, "bring its disk or share back"),
        (errno.EACCES, OutputError, "check that its folder"),
        (errno.EROFS, OutputError, "check that its folder"),
        (errno.ENOENT, OutputError, "check that its folder"),
    ],
)
def test_one_text_for_each_failure(number, kind, says):
    told = failure(Path("/somewhere/night.csv"), OSError(number, "x"))
    assert type(told) is kind
    assert says in str(told)


def test_a_folder_that_is_gone_in_a_run_is_a_lost_share():
    assert isinstance(failure(Path("n.csv"), OSError(errno.ENOENT, "x"), lost=True), StorageError)


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open"])
def test_whatever_call_fails_the_old_file_stays_and_nothing_else_is_left(tmp_path, monkeypatch, call):
    target = tmp_path / "n.csv"
    target.write_bytes(b"ours: before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "broken")

    with pytest.raises(XscanError), replacing_path(target, OURS) as temporary:  # noqa: PT012
        if call == "write":
            fail()
        temporary.write_bytes(b"ours: after")
        if call in ("fsync", "replace"):
            monkeypatch.setattr(os, call, fail)
        if call == "open":
            temporary.unlink()
    monkeypatch.undo()
    assert tree(tmp_path) == {"n.csv": ("file", b"ours: before")}


def test_the_temporary_name_ends_as_the_target_does(tmp_path):
    with replacing_path(tmp_path / "last.keras", in_own_folder) as temporary:
        assert temporary.suffix == ".keras"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["last.keras"]


def test_a_name_of_250_bytes_can_be_written(tmp_path):
    target = tmp_path / ("é" * 120 + ".csv")
    replace_bytes(target, b"x", require_absent)
    assert target.read_bytes() == b"x"


@posix
def test_a_private_file_is_its_owners_alone_and_keeps_what_a_person_gave_it(tmp_path):
    target = tmp_path / "n.csv"
    replace_bytes(target, b"ours: 1", OURS, private=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.chmod(0o640)
    replace_bytes(target, b"ours: 2", OURS, private=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_a_folder_that_hands_its_group_on_lets_the_group_read(tmp_path):
    tmp_path.chmod(0o2770)
    before = os.umask(0o027)
    try:
        replace_bytes(tmp_path / "n.csv", b"x", require_absent, private=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "n.csv").stat().st_mode) == 0o640


def test_create_never_opens_what_is_there(tmp_path):
    (tmp_path / "victim").write_bytes(b"a film")
    with suppress(OSError, NotImplementedError):
        (tmp_path / "link").symlink_to(tmp_path / "victim")
    for name in ("victim", "link"):
        if (tmp_path / name).exists():
            with pytest.raises(FileExistsError):
                create(tmp_path / name)
    assert (tmp_path / "victim").read_bytes() == b"a film"


def test_what_a_killed_process_left_of_one_target_is_removed_and_nothing_else(tmp_path):
    left = tmp_path / ".0123456789abcdef.tmp.n.csv"
    others = [".0123456789abcdef.tmp.m.csv", ".0123456789abcde.tmp.n.csv", "n.csv", "0123456789abcdef.tmp.n.csv"]
    for name in (left.name, *others):
        (tmp_path / name).write_bytes(b"x")
    remove_left(tmp_path / "n.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(others)


def test_a_move_that_fails_says_so(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        move(tmp_path / "gone", tmp_path / "n.csv")


@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, StorageError), (errno.EACCES, OutputError)])
def test_what_cannot_be_read_is_taken_for_nobody_s_and_for_nothing(
    tmp_path: Path, number: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("a letter")
    report = tmp_path / "list.csv.run.json"
    report.write_text("{}")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_text", refuse)
    for look in (require_list, require_page, require_log):
        with pytest.raises(kind, match="cannot be read"):
            look(path)
    with pytest.raises(kind, match="cannot be read"):
        RunReport.read(path)


def test_a_new_file_whose_name_does_not_reach_the_disk_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "")

    monkeypatch.setattr(replace, "folder_to_disk", fail)
    with pytest.raises(StorageError):
        replace_bytes(tmp_path / "new", b"content", require_absent)
    assert list(tmp_path.iterdir()) == []
