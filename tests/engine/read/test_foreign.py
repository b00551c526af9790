"""What may hold films and cannot be read is named; icons, programs and large other files are no failures."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest

from xscan.engine.errors import FileProblem, NotARadiograph, UnreadableRadiograph
from xscan.engine.find.discover import discover
from xscan.engine.read import content as module
from xscan.engine.read.decode import read_bytes, read_film, read_path
from xscan.engine.read.film import Limits

from .dicom_maker import film

ICONS = Limits(min_side=96)


def picture(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (rows, columns), np.uint8)


def tar(mode: int = tarfile.USTAR_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=mode) as archive:
        member = tarfile.TarInfo("IM1")
        member.size = len(film())
        archive.addfile(member, io.BytesIO(film()))
    return stream.getvalue()


def old_tar() -> bytes:
    """As before POSIX: without `ustar`."""
    head = bytearray(tar()[:512])
    head[257:345] = bytes(88)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + tar()[512:]


def zipped(*names: str, content: bytes = b"text") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return stream.getvalue()


def code(content: bytes, limits: Limits = ICONS) -> str:
    with pytest.raises(FileProblem) as problem:
        read_bytes(content, limits)
    return problem.value.reason


HEIC = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(100)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("GIF", imagecodecs.gif_encode(np.zeros((300, 200), np.uint8))),
        ("HEIC", HEIC),
        ("AVIF", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(100)),
        ("AVIF", imagecodecs.avif_encode(picture(300, 200)) if imagecodecs.AVIF.available else HEIC[:4] + b"ftypavif"),
        ("JPEG XL", imagecodecs.jpegxl_encode(picture(300, 200))),
        ("JPEG XL", imagecodecs.jpegxl_encode(picture(333, 2048), usecontainer=True)),
        ("JPEG XR", b"II\xbc\x01" + bytes(60)),
        ("Photoshop", b"8BPS\0\x01" + bytes(6) + struct.pack(">HII", 1, 900, 700) + bytes(60)),
        ("NIfTI", bytes(344) + b"n+1\0" + bytes(100)),
        ("tar", tar()),
        ("tar", tar(tarfile.GNU_FORMAT)),
        ("tar", tar(tarfile.PAX_FORMAT)),
        ("tar", old_tar()),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(60)),
        ("rar", b"Rar!\x1a\x07\x00" + bytes(60)),
        ("rar", b"Rar!\x1a\x07\x01\x00" + bytes(60)),
        ("cab", b"MSCF\0\0\0\0" + bytes(60)),
        ("gzip", gzip.compress(film())),
        ("gzip", gzip.compress(tar())),
        ("gzip", gzip.compress(gzip.compress(film()))),
        ("bzip2", bz2.compress(film())),
        ("xz", lzma.compress(tar())),
        ("ISO 9660", bytes(32768) + b"\x01CD001\x01" + bytes(2041)),
        ("a zip under another name", zipped("IM1", content=film())),
        ("a zip under another name", zipped("DICOM/", "DICOM/IM1", content=film())),
    ],
)
def test_formats_that_may_hold_films_are_named(name: str, content: bytes) -> None:
    assert code(content).startswith(f"unsupported: {name}")


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"GET /index.html 200\n" * 900),
        bz2.compress(b"a log"),
        lzma.compress(b"\xca\xfe\xd0\x0d" + bytes(100)),  # a packed Java archive of a viewer
        gzip.compress(film())[:9],  # too little to look inside
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100),  # a video
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(100),
        zipped("[Content_Types].xml", "word/media/scan.png"),
        zipped("mimetype", content=b"application/epub+zip"),
        zipped("META-INF/MANIFEST.MF"),
        zipped("readme.txt"),
        b"%PDF-1.7" + bytes(100),
        b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(100),  # AppleDouble
        bytes(600),
        struct.pack("<QQQI", 2, 9_000_000, 133 * 10**15, 16) + "E:\\IM000001.dcm\0".encode("utf-16-le"),
        struct.pack("<QQQ", 1, 9_000_000, 133 * 10**15) + "E:\\IM000001.dcm\0".encode("utf-16-le").ljust(520, b"\0"),
        b"\x08\0\0\0\0\0\0\0" + bytes(200),
    ],
    ids=lambda content: f"{len(content)} bytes",  # the content of a gzip holds the time
)
def test_what_holds_no_film_is_skipped(content: bytes) -> None:
    assert code(content).startswith("not-an-image")


def bmp_of_os2(rows: int, columns: int) -> bytes:
    return (
        b"BM"
        + struct.pack("<IIIIHHHH", 26 + rows * columns * 3, 0, 26, 12, columns, rows, 1, 24)
        + bytes(rows * columns * 3)
    )


def encoded(suffix: str, rows: int, columns: int) -> bytes:
    return cv2.imencode(suffix, picture(rows, columns))[1].tobytes()


@pytest.mark.parametrize(
    "content",
    [
        *(encoded(suffix, 95, 400) for suffix in (".png", ".jpg", ".bmp", ".webp", ".tif", ".jp2")),
        encoded(".png", 32, 32)[:60],  # cut, and small all the same
        bmp_of_os2(40, 40),
        imagecodecs.gif_encode(np.zeros((16, 900), np.uint8)),
        imagecodecs.jpegxl_encode(picture(64, 64)),
        imagecodecs.jpegxl_encode(picture(77, 400)),
        HEIC + b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", 64, 64),
        film(picture(80, 200).astype(np.int64)),
        film(picture(200, 16).astype(np.int64), Rows=200),
    ],
)
def test_icons_and_logos_are_skipped(content: bytes) -> None:
    assert code(content).startswith("too-small")


def test_the_smallest_film_is_read() -> None:
    assert read_bytes(encoded(".png", 96, 96), ICONS).grey.shape == (96, 96)
    assert read_bytes(encoded(".png", 8, 8)).grey.shape == (8, 8)  # without a network's rule


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (77, 400), (300, 200), (120, 160), (514, 257), (9000, 3)])
def test_the_size_of_jpeg_xl_is_read_as_its_encoder_wrote_it(rows: int, columns: int) -> None:
    from xscan.engine.read.size import _size

    for container in (False, True):
        content = imagecodecs.jpegxl_encode(np.zeros((rows, columns), np.uint8), usecontainer=container)
        assert _size(bytes(content), "JPEG XL") == (rows, columns)


def test_a_bare_data_set_is_still_dicom() -> None:
    whole = film()
    bare = whole[whole.index(b"\x08\x00\x16\x00UI") :]
    assert read_bytes(bare).facts.format == "DICOM"
    implicit = film(syntax="1.2.840.10008.1.2")
    at = implicit.index(b"\x08\x00\x16\x00\x1a\0\0\0")
    assert read_bytes(implicit[at:]).facts.format == "DICOM"


def sparse(path: Path, start: bytes, size: int) -> Path:
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(size)
    return path


def stack(**elements: Any) -> bytes:
    content = film(**elements)
    return content[: content.index(b"\xe0\x7f\x10\x00")] + b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", 600 << 20)


LARGE = [
    ("not-an-image", b"\0\0\0\x18ftypmp42" + bytes(100)),
    ("not-an-image", b"MZ" + bytes(100)),
    ("unsupported", tar()),
    ("modality", stack(Modality="MG", SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3", NumberOfFrames="60")),
    ("modality", stack(Modality="CT")),
    ("multi-frame", stack(NumberOfFrames="60")),
    ("body-part", stack(BodyPartExamined="HAND")),
    ("too-large", stack()),
    ("too-large", encoded(".png", 500, 500)),
]


@pytest.mark.parametrize(("expected", "start"), LARGE)
def test_large_files_are_told_by_their_first_bytes(tmp_path: Path, expected: str, start: bytes) -> None:
    path = sparse(tmp_path / "large", start, 600 << 20)
    with pytest.raises(FileProblem) as problem:
        read_path(path)
    assert problem.value.code == expected


def test_a_large_other_file_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    class Counting(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            content = super().read(size)
            read += len(content)
            return content

    monkeypatch.setattr(module, "open", lambda path, _: Counting(path), raising=False)
    for name, start in (("a.mp4", LARGE[0][1]), ("b.dcm", LARGE[3][1])):
        with pytest.raises(NotARadiograph):
            read_path(sparse(tmp_path / name, start, 60 << 20))
    assert read <= 2 << 16


def test_large_members_of_zips_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "e.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp4", LARGE[0][1] + bytes(2 << 20))
        archive.writestr("b.tar", tar() + bytes(2 << 20))
        archive.writestr("c.docx", zipped("[Content_Types].xml"))
        archive.writestr("d.zip", zipped("IM1", content=film()))
        archive.writestr("e.dcm", film())
    fates = []
    for found in discover(tmp_path):
        try:
            read_film(found, Limits(max_bytes=1 << 20))
            fates.append("ok")
        except (NotARadiograph, UnreadableRadiograph) as problem:
            fates.append(problem.code)
    assert fates == ["not-an-image", "unsupported", "not-an-image", "nested-zip", "ok"]
