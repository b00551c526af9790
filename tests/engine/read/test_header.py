"""Our walk over a DICOM header finds what pydicom finds, in pydicom's own test files too."""

import logging
import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from xscan.engine.errors import FileProblem, UnreadableRadiograph
from xscan.engine.read.decode import read_bytes
from xscan.engine.read.dicom import header as module
from xscan.engine.read.dicom.header import Header, parse
from xscan.engine.read.film import Limits

from .dicom_maker import DEFLATED, EXPLICIT, LOSSLESS_SYNTAXES, film

FOLDER = Path(str(get_testdata_file("CT_small.dcm"))).parent
LIMIT = 1 << 30


def pydicoms_files() -> list[Path]:
    return sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.stat().st_size < 3_000_000)


def read_by_pydicom(content: bytes) -> pydicom.Dataset | None:
    """Quietly: its test files break rules on purpose."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(BytesIO(content))
    except Exception:
        return None
    finally:
        logging.disable(logging.NOTSET)


def elements(data: pydicom.Dataset) -> Iterator[pydicom.DataElement]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag in list(data.keys()):
            if tag >= 0x7FE00008 or tag.group == 2:
                continue
            try:
                yield data[tag]
            except Exception:
                continue


def compare(ours: Header, theirs: pydicom.Dataset) -> int:
    """Count the elements that agree; fail at the first that does not."""
    agreed = 0
    for element in elements(theirs):
        assert int(element.tag) in ours, element.tag
        if element.VR == "SQ" and ours.items(int(element.tag)):
            items = ours.items(int(element.tag))
            assert len(items) == min(16, len(element.value))
            agreed += sum(compare(one, other) for one, other in zip(items, element.value, strict=False))
        elif element.VR in ("CS", "UI", "DA") and element.VM == 1 and str(element.value).isascii():
            assert ours.text(int(element.tag)) == str(element.value).strip()
        elif element.VR == "US" and element.VM == 1:
            assert ours.number(int(element.tag)) == element.value
        elif element.VR == "DS" and element.VM == 1:
            assert ours.decimals(int(element.tag)) == [float(element.value)]
        agreed += 1
    return agreed


def test_pydicom_agrees_on_its_own_files() -> None:
    compared = 0
    for path in pydicoms_files():
        content = path.read_bytes()
        theirs = read_by_pydicom(content)
        if theirs is None:
            continue
        ours = parse(content, LIMIT)
        if ours.problem is None:
            compared += compare(ours, theirs) > 0
    assert compared > 60


@pytest.mark.parametrize("syntax", LOSSLESS_SYNTAXES)
def test_pydicom_agrees_on_ours(syntax: str) -> None:
    content = film(syntax=syntax)
    theirs = read_by_pydicom(content)
    assert theirs is not None
    assert compare(parse(content, LIMIT), theirs) > 15


def test_pydicoms_files_are_read_or_refused_with_a_reason() -> None:
    fates = {}
    for path in pydicoms_files():
        try:
            read_bytes(path.read_bytes())
            fates[path.name] = "ok"
        except FileProblem as problem:
            fates[path.name] = problem.code
    for name, fate in {
        "CT_small.dcm": "modality",
        "MR_small_RLE.dcm": "modality",
        "test-SR.dcm": "not-a-picture",
        "DICOMDIR": "dicomdir",
        "DICOMDIR-bigEnd": "dicomdir",
        "README.txt": "not-an-image",
        "rtplan.dcm": "not-a-picture",
        "SC_rgb_jpeg_dcmtk.dcm": "not-a-film",
        "waveform_ecg.dcm": "not-a-picture",
        "JPEG2000.dcm": "modality",
        "zipMR.gz": "unsupported",
        "MR_truncated.dcm": "modality",
    }.items():
        assert fates.get(name, fate) == fate, name
    assert "corrupt" not in fates.values()


_WITH_PICTURES = ("SC_rgb", "MR_small", "CT_", "image_dfl", "JPEGLS", "J2K", "693_", "JPGExt", "GDCMJ2K")


@pytest.mark.parametrize("path", [path.name for path in pydicoms_files() if path.name.startswith(_WITH_PICTURES)])
def test_pydicoms_pictures_can_be_decoded(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pixels are like nothing that is scored: rules off, they still decode, or say why not."""
    from xscan.engine.read.dicom import read as reader

    monkeypatch.setattr(reader.skip, "refuse_other_objects", lambda _: None)
    monkeypatch.setattr(reader.skip, "refuse_other_pictures", lambda _: None)
    content = (FOLDER / path).read_bytes()
    if (parse(content, LIMIT).decimals(0x00280008) or [1])[0] > 1:
        pytest.skip("several frames are refused by the rules that are off here")
    if "32bit" in path:
        with pytest.raises(UnreadableRadiograph):
            read_bytes(content)
    else:
        assert read_bytes(content).grey.size


def test_a_deflate_bomb_is_not_inflated() -> None:
    content = film(syntax=DEFLATED)
    with pytest.raises(UnreadableRadiograph, match="too-large"):
        read_bytes(content, Limits(max_bytes=1000))


def test_a_header_of_countless_elements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ELEMENTS", 1000)
    content = film()
    at = content.index(b"\x08\x00\x16\x00")
    many = b"".join(struct.pack("<HH2sH", 0x0008, 0x0005, b"CS", 0) for _ in range(1001))
    assert parse(content[:at] + many + content[at:], LIMIT).problem.code == "bad-header"


def test_sequences_nested_without_end_are_refused() -> None:
    content = film()
    at = content.index(b"\x28\x00\x02\x00")
    nested = (struct.pack("<HH2sHI", 0x0009, 0x1010, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 2000
    assert parse(content[:at] + nested + content[at:], LIMIT).problem.code == "bad-header"


def test_private_sequences_of_undefined_length_are_stepped_over() -> None:
    content = film(syntax=EXPLICIT)
    at = content.index(b"\x28\x00\x02\x00")
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + struct.pack("<HHI", 0x0009, 0x1011, 2) + b"AB"
    sequence = struct.pack("<HH2sHI", 0x0009, 0x1010, b"UN", 0, 0xFFFFFFFF) + item
    sequence += b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert read_bytes(content[:at] + sequence + content[at:]).grey.size
