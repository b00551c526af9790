"""Hold stored pixels and grey pictures of DICOM files against pydicom and DCMTK.

    python scripts/other_readers.py [FILE_OR_FOLDER ...]

Without arguments: the test files that come with pydicom, and films drawn here in every transfer syntax, with windows,
shutters and GE's private syntax. For each file: what xscan makes of its pixels, whatever it shows; the same by pydicom
(stored values) and by DCMTK (grey, with the same window; none where xscan makes one from the picture). `pydicom` and
`dcmtk` say: same, the largest difference, or why that reader gave nothing. Last stands what batch makes of the file.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.engine.read import dicom_maker as make  # noqa: E402
from xscan.engine.errors import FileProblem  # noqa: E402
from xscan.engine.read.decode import read_bytes  # noqa: E402
from xscan.engine.read.dicom.grey import render, value_range  # noqa: E402
from xscan.engine.read.dicom.header import PIXEL_DATA, parse  # noqa: E402
from xscan.engine.read.dicom.pixels import read_stored  # noqa: E402
from xscan.engine.read.dicom.read import image_pixel  # noqa: E402
from xscan.engine.read.film import DEFAULT_LIMITS  # noqa: E402


def ours(content: bytes) -> tuple[str, np.ndarray | None, np.ndarray | None, str]:
    """(what became of it, stored values, grey, window): the reading without the rules of what is a film."""
    try:
        header = parse(content, 1 << 30)
        if header.problem is not None:
            raise header.problem
        if PIXEL_DATA not in header:
            return "no pixels", None, None, ""
        image = image_pixel(header, DEFAULT_LIMITS)
        stored = read_stored(header, image)
        shown = render(header, image, stored)
    except FileProblem as problem:
        return problem.code, None, None, ""
    except Exception:  # read_bytes says corrupt
        return "corrupt", None, None, ""
    if stored.luma or stored.pixels.ndim == 3:
        return "read", None, shown.grey, shown.window
    values = stored.pixels.astype(np.int64)
    if not stored.compressed:
        values >>= image.high + 1 - image.stored
    values &= (1 << image.stored) - 1
    low = int(value_range(image)[0])
    return "read", (values ^ -low) + low if low else values, shown.grey, shown.window


def by_pydicom(path: Path) -> np.ndarray | str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = pydicom.dcmread(path, force=True)
            return data.pixel_array.astype(np.int64)
    except Exception as problem:
        return type(problem).__name__


def by_dcmtk(path: Path, window: str, folder: Path) -> np.ndarray | str:
    if not shutil.which("dcm2pnm"):
        return "not here"
    out = folder / "out.pgm"
    out.unlink(missing_ok=True)
    if window.startswith("percentiles"):
        return "-"
    options = ["-W"]
    if window.startswith("window "):
        center, _, width = window.split()[1].partition("/")
        options = ["+Ww", center, width]
    elif window.startswith("VOI"):
        options = ["+Wl", "1"]
    plain = folder / "plain"
    if not subprocess.run(["dcmdjpls", str(path), str(plain)], capture_output=True, check=False).returncode:
        path = plain  # of what is no JPEG-LS a copy
    for tool in ("dcm2pnm", "dcmj2pnm"):
        command = [tool, "-O", *options, "--write-8-bit-pnm", str(path), str(out)]
        if not subprocess.run(command, capture_output=True, check=False).returncode:
            break
    if not out.exists():
        return "nothing"
    picture = cv2.imread(str(out), cv2.IMREAD_GRAYSCALE)
    return "nothing" if picture is None else picture


def difference(mine: np.ndarray | None, other: np.ndarray | str, room: int) -> str:
    if isinstance(other, str):
        return other
    if mine is None:
        return "-"
    if mine.shape != other.shape:
        return "other shape"
    most = int(np.abs(mine.astype(np.int64) - other).max())
    return "same" if most == 0 else f"within {most}" if most <= room else f"OFF BY {most}"


def drawn(folder: Path) -> list[Path]:
    """Films in every transfer syntax, and those whose pixels need a rule of their own."""
    values = make.phantom(120, 90, bits=12)
    window: dict[str, Any] = {"WindowCenter": "2000", "WindowWidth": "3000"}
    files = {}
    for syntax in (*make.LOSSLESS_SYNTAXES, *make.LOSSY_SYNTAXES):
        deep = syntax != make.JPEG_8
        picture = values if deep else values >> 4
        options: dict[str, Any] = {"allocated": 16, "stored": 12, **window} if deep else {}
        files[f"drawn {syntax.removeprefix('1.2.840.10008.')}"] = make.film(picture, syntax, **options)
    plain = make.film(values, make.IMPLICIT, allocated=16, stored=12, **window)
    swapped = plain.replace(values.astype("<u2").tobytes(), values.astype(">u2").tobytes())
    files["drawn GE private"] = _under(swapped, "1.2.840.113619.5.2")
    files["drawn unknown syntax"] = _under(swapped, "1.2.840.113619.5.99")
    files["drawn signed"] = make.film(values - 2048, allocated=16, stored=12, signed=True, **window)
    files["drawn inverted"] = make.film(values, photometric="MONOCHROME1", allocated=16, stored=12, **window)
    two: dict[str, Any] = {"WindowCenter": ["2000", "900"], "WindowWidth": ["3000", "100"]}
    files["drawn two windows"] = make.film(values, allocated=16, stored=12, **two)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _under(content: bytes, uid: str) -> bytes:
    at = content.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    raw = uid.encode() + b"\0" * (len(uid) % 2)
    group = int.from_bytes(content[140:144], "little") + len(raw) - length
    head = content[:140] + group.to_bytes(4, "little") + content[144 : at + 6]
    return head + len(raw).to_bytes(2, "little") + raw + content[at + 8 + length :]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path)
    arguments = parser.parse_args()
    off = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "films").mkdir()
        paths = [file for path in arguments.paths for file in (path.rglob("*") if path.is_dir() else [path])]
        if not arguments.paths:
            paths = drawn(folder / "films") + sorted(TEST_FILES.glob("*.dcm"))
        print(f"{'file':38} {'xscan':16} {'pydicom':18} {'dcmtk':14} batch")
        for path in sorted(path for path in paths if path.is_file()):
            content = path.read_bytes()
            fate, stored, grey, window = ours(content)
            room = 2 if stored is not None else 8  # colour: DCMTK's grey is made of its RGB, ours is the stored luma
            others = difference(stored, by_pydicom(path), 0), difference(grey, by_dcmtk(path, window, folder), room)
            try:
                read_bytes(content)
                batch = "film"
            except FileProblem as problem:
                batch = f"{problem.status} {problem.code}"
            off += any(word.startswith("OFF") for word in others)
            print(f"{path.name[:37]:38} {fate:16} {others[0]:18} {others[1]:14} {batch}")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
