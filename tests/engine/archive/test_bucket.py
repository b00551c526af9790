"""Films in object storage: the rows are those of the same films in a folder, whatever the storage does meanwhile."""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("filelock")

from xscan.engine.archive import bucket as bucket_module
from xscan.engine.archive.bucket import Bucket
from xscan.engine.archive.bucket_listing import walk
from xscan.engine.archive.scanner import Scanner
from xscan.engine.archive.settings import ActorSettings
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import StorageError, UsageError
from xscan.engine.find.discover import discover
from xscan.engine.find.found import Found, order_key
from xscan.engine.lists.table import COLUMNS
from xscan.engine.read.film import Limits
from xscan.engine.runtime.open import find_engine

from ...conftest import Xscan
from .storage import SECRET, Storage, refused, serving

URL = "s3://films-of-tests/archive/2026"


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def folder(storage: Storage, phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films in folders and zips, doubles, damaged ones, a video larger than its header; the bucket has the same."""
    root = tmp_path_factory.mktemp("bucket") / "films"
    films = sorted(phantoms.iterdir())
    for place in ("a", "a-b", "empty"):  # `a-b/` stands before `a/` in a bucket
        (root / place).mkdir(parents=True)
    for film in films:
        shutil.copy(film, root / "a")
    shutil.copy(films[0], root / "a-b")
    shutil.copy(films[1], root / "a.again.png")
    (root / "torn.jpg").write_bytes(next(phantoms.glob("*.jpg")).read_bytes()[:3000])
    (root / "notes.txt").write_text("no film")
    (root / "nothing.dcm").touch()
    (root / "odd \\x41 ü.png").write_bytes(next(phantoms.glob("*.png")).read_bytes())
    (root / "video.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(300_000))
    with zipfile.ZipFile(root / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, film in enumerate(films[2:6]):
            member = zipfile.ZipInfo(f"night/{film.name}")
            member.extra = b"\xfe\xca" + (1000).to_bytes(2, "little") + bytes(1000) if number == 1 else b""
            archive.writestr(member, film.read_bytes(), zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED)
        archive.writestr("night/readme.txt", "no film")
    (root / "half.zip").write_bytes((root / "export.zip").read_bytes()[:5000])
    (root / "no.zip").write_text("no zip")
    storage.fill("films-of-tests", root, "archive/2026/")
    storage.client().put_object(Bucket="films-of-tests", Key="archive/2026/marker/", Body=b"")
    storage.client().put_object(Bucket="films-of-tests", Key="archive/2026-no/part.png", Body=b"not below the prefix")
    return root


@pytest.fixture(autouse=True)
def _as_it_was(storage: Storage) -> Iterator[None]:
    yield
    storage.answer, storage.cut = lambda _: None, 0


def listed(found: Found) -> tuple[object, ...]:
    return found.file, found.member, found.bytes, found.modified_ns // 10**9, found.problem and found.problem.reason


def scanner(folder: Path, bucket: str = "", limits: Limits | None = None) -> Scanner:
    batch = BatchSettings(folder, folder / "list.csv", find_engine("compact"), 1, limits=limits or Limits())
    made = Scanner(ActorSettings(batch, {}, bucket))
    said = made.ready()
    assert "error" not in said, said
    return made


def test_a_listing_is_that_of_the_folder_whatever_its_pages(
    folder: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [listed(found) for found in discover(folder)]
    assert [listed(found) for found in walk(Bucket(URL))] == expected
    from xscan.engine.archive import bucket_listing

    monkeypatch.setattr(bucket_listing, "HELD", 3)
    monkeypatch.setattr(bucket_listing, "ENOUGH", 1)  # nothing is divided: a-b/ comes before a/
    assert [listed(found) for found in walk(Bucket(URL + "/"))] == expected
    monkeypatch.setattr(bucket_listing, "ENOUGH", 10**6)
    monkeypatch.setattr(bucket_listing, "WIDE", 0)  # nor is anything narrow enough
    assert [listed(found) for found in walk(Bucket(URL))] == expected


def test_keys_that_no_folder_could_hold_are_listed_harmlessly_and_in_order(storage: Storage) -> None:
    from moto.s3.models import s3_backends

    storage.client().create_bucket(Bucket="odd-keys")
    backend = s3_backends["123456789012"]["aws"]  # its server's own routes would mend such keys
    keys = ["a", "a/b", "a//b", "/a", "../../etc/passwd", "./a", "c/", "c/.", "é/\n", "a b", "a-/x", "d/e/", "Z"]
    for key in keys:
        backend.put_object("odd-keys", key, b"" if key == "c/" else b"1")
    found = list(walk(Bucket("s3://odd-keys")))
    assert len(found) == len(keys) - 1
    files = [each.file for each in found]
    assert files == sorted(files, key=order_key)
    assert not any({"", ".", ".."} & set(file.split("/")) for file in files)
    assert {each.path for each in found} == {f"s3://odd-keys/{key}" for key in keys if key != "c/"}


def test_rows_are_those_of_the_folder_and_a_header_spares_the_rest(
    folder: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xscan.engine.archive import fetch

    at_home = scanner(folder)
    rows = at_home.scan(list(discover(folder)))["rows"]
    at_home.close()
    monkeypatch.setattr(fetch, "LARGE", 100_000)
    far = scanner(folder, URL)
    found = list(walk(Bucket(URL)))
    before = len(storage.requests)
    storage.cut = 2
    refusals = iter([refused("503 Slow Down", "SlowDown")] * 2)
    storage.answer = lambda _: next(refusals, None)
    assert far.scan(found)["rows"] == rows
    assert storage.cut == 0
    asked = storage.requests[before:]
    assert [part for path, part in asked if "video.mp4" in path] == ["bytes=0-65535"]
    whole = [path for path, part in asked if not part]
    assert len(whole) >= 12
    assert all(path.startswith("/films-of-tests/archive/2026/") for path, _ in asked)
    spool = list(Path(far._fetcher._folder).iterdir()) if far._fetcher else ["?"]
    far.close()
    assert spool == []


def test_what_one_object_or_the_whole_storage_lacks(
    folder: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 1)
    far = scanner(folder, URL)
    films = [found for found in walk(Bucket(URL)) if found.file.startswith("a/")][:3]
    names = [Path(found.path).name for found in films]
    storage.answer = lambda asked: refused("403 Forbidden", "AccessDenied") if names[0] in asked else (
        refused("404 Not Found", "NoSuchKey") if names[1] in asked else None
    )  # fmt: skip
    rows = far.scan(films)["rows"]
    assert [row[COLUMNS.index("reason")].partition(":")[0] for row in rows] == ["unreadable", "vanished", ""]
    for answer, kind, says in (
        (refused("403 Forbidden", "AccessDenied"), "UsageError", "s3:GetObject"),
        (refused("400 Bad Request", "ExpiredToken"), "UsageError", "ExpiredToken"),
        (refused("500 Internal Server Error", "InternalError"), "StorageError", "run the same command again"),
        (refused("403 Forbidden", SECRET + "!"), "UsageError", "credentials"),
        (refused("403 Forbidden", f"<b>{SECRET}</b>"), "StorageError", "does not answer"),
    ):
        storage.answer = lambda _, answer=answer: answer
        said = far.scan(films)
        assert (said["kind"], said["final"]) == (kind, True), said
        assert says in said["error"]
        assert SECRET not in said["error"]
    storage.answer = lambda _: None
    for changed in (replace(films[2], bytes=7), replace(films[2], modified_ns=films[2].modified_ns + 10**9)):
        assert far.scan([changed])["error"].startswith("the inventory no longer fits")
    far.close()


@pytest.mark.parametrize("url", ["s3://", "s3://a", "s3://no such/bucket", "s3:///x"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="write s3://BUCKET"):
        Bucket(url)


def test_a_storage_that_is_not_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="there is no bucket"):
        Bucket("s3://nobodys-bucket").require()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(bucket_module, "FIRST_ATTEMPTS", 1)
    with pytest.raises(StorageError, match="does not answer"):
        Bucket(URL).require()


def test_the_list_of_a_bucket_is_a_batch_s(xscan: Xscan, storage: Storage, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    whole = tmp_path / "batch.csv"
    assert xscan("batch", folder, "--out", whole, "--workers", 1).returncode == 3
    asked = ("archive", URL, "--out", tmp_path / "p", "--workers", 1, "--block", 8)
    storage.answer = lambda _: refused("403 Forbidden", "AccessDenied")
    closed = xscan(*asked)
    assert closed.returncode == 2
    assert "may not be read with the credentials" in closed.stderr
    assert closed.stderr.count("\n") == 1
    storage.answer = lambda _: None
    run = xscan(*asked, "--json", "-v", "--log-file", tmp_path / "log", timeout=600)
    assert run.returncode == 3, run.stderr
    assert json.loads(run.stdout)["files"] == whole.read_bytes().count(b"\n") - 1
    assert (tmp_path / "p" / "triage.csv").read_bytes() == whole.read_bytes()
    said = run.stdout + run.stderr + (tmp_path / "log").read_text()
    kept = [path.read_bytes() for path in (tmp_path / "p").rglob("*") if path.is_file()]
    assert not any(
        word in said or any(word.encode() in content for content in kept) for word in (SECRET, "xscan-tests")
    )
    assert not os.path.exists(tmp_path / "s3:")
