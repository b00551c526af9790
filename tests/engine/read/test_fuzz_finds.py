"""What fuzzing found (scripts/fuzz_read.py): each crashed or hung a decoder once. A few hundred fresh cases too."""

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import imagecodecs
import numpy as np
import pytest

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.read.decode import read_bytes

from ...conftest import ROOT
from .dicom_maker import HTJ2K, HTJ2K_LOSSY, LOSSLESS_SV1, RLE, film, phantom


def altered(content: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    at = content.index(marker) + offset
    return content[:at] + value + content[at + len(value) :]


def test_htj2k_with_impossible_exponents() -> None:  # OpenJPH wrote outside its memory
    whole = film(syntax=HTJ2K_LOSSY)
    for offset in (31, 33, 37):
        damaged = altered(whole, b"\xff\x5c", offset, b"\xff\xff")
        try:
            assert read_bytes(damaged).grey.shape == phantom().shape
        except UnreadableRadiograph as problem:
            assert problem.code == "corrupt"  # noqa: PT017


def test_htj2k_that_breaks_off_inside_is_no_picture() -> None:  # OpenJPH returned what it had
    whole = film(phantom(300, 200), HTJ2K)
    at = whole.index(b"\xff\x93") + 20
    damaged = whole[:at] + b"\xff" * 400 + whole[at + 400 :]
    with pytest.raises(UnreadableRadiograph, match="corrupt"):
        read_bytes(damaged)


def test_htj2k_with_a_tile_of_four_billion_rows() -> None:  # OpenJPH looped for ever
    whole = film(syntax=HTJ2K)
    with pytest.raises(UnreadableRadiograph, match="bad-header"):
        read_bytes(altered(whole, b"\xff\x4f\xff\x51", 28, b"\xff\xff\xff\xff"))


@pytest.mark.parametrize("offset", [2_739_221_324, 0, 1 << 31, 700])
def test_rle_offsets_outside_the_data(offset: int) -> None:  # imagecodecs read outside its memory
    whole = film(np.stack([phantom()] * 3, -1), RLE, photometric="RGB")
    start = whole.index(struct.pack("<II", 3, 64))
    with pytest.raises(UnreadableRadiograph, match="truncated|corrupt"):  # noqa: RUF043
        read_bytes(whole[: start + 12] + struct.pack("<I", offset) + whole[start + 16 :])


def test_lossless_jpeg_with_damaged_tables() -> None:  # the second-choice decoder crashed
    whole = film(syntax=LOSSLESS_SV1)
    damaged = altered(whole, b"\xff\xc4", 4, b"\x0f")
    with pytest.raises(UnreadableRadiograph):
        read_bytes(damaged)


def test_a_jpeg_that_claims_a_hundred_megapixels_is_refused_by_dicom_size() -> None:
    frame = bytearray(imagecodecs.jpeg8_encode(phantom().astype(np.uint8)))
    at = frame.index(b"\xff\xc0")
    frame[at + 5 : at + 9] = struct.pack(">HH", 10_000, 10_000)
    with pytest.raises(UnreadableRadiograph, match="bad-header"):
        read_bytes(film(syntax="1.2.840.10008.1.2.4.50", frame=bytes(frame)))


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    specification = importlib.util.spec_from_file_location("fuzz_read", ROOT / "scripts" / "fuzz_read.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_few_hundred_damaged_files(fuzz: ModuleType, tmp_path: Path) -> None:
    files = fuzz.seeds()
    for index in range(400):
        name, content = fuzz.case(99, index, files)
        fuzz.read(name, content, tmp_path)  # raises for anything that would not become a row


def test_a_tiff_whose_tile_is_far_larger_than_its_picture() -> None:  # libtiff took a gigabyte for it
    tags = [(256, 64), (257, 64), (258, 16), (259, 1), (262, 1), (277, 1), (322, 24_000), (323, 24_000), (324, 8)]
    tags.append((325, 64))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    content = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(68)
    with pytest.raises(UnreadableRadiograph, match="bad-header"):
        read_bytes(content)
