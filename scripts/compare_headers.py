"""Hold xscan's reading of DICOM headers against pydicom and DCMTK.

    python scripts/compare_headers.py FOLDER...    # default: the test files that come with pydicom

For every file that at least one of them opens: Modality, SOPClassUID, BodyPartExamined, ViewPosition, Rows, Columns and
SpecificCharacterSet as each reads them, and the texts of SeriesDescription as pydicom decodes them. Prints what differs
and the counts. Values are compared, not printed: they may be a patient's. Needs dcmdump (DCMTK) on the PATH.
"""

import argparse
import re
import shutil
import subprocess
import warnings
from collections import Counter
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file
from pydicom.multival import MultiValue

from xscan.engine.errors import FileProblem
from xscan.engine.read.dicom.header import Header, parse

TAGS = {
    "Modality": 0x00080060,
    "SOPClassUID": 0x00080016,
    "BodyPartExamined": 0x00180015,
    "ViewPosition": 0x00185101,
    "SpecificCharacterSet": 0x00080005,
    "SeriesDescription": 0x0008103E,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
}
_LINE = re.compile(rb"^\((\w{4}),(\w{4})\) \w\w (?:\[(.*?)\s*\]|=(\w+)|(\d+))", re.MULTILINE)


def ours(path: Path) -> dict[str, str] | None:
    try:
        header = parse(path.read_bytes(), 1 << 30)
    except FileProblem:
        return None
    return {name: _value(header, name, tag) for name, tag in TAGS.items()} if header.problem is None else None


def _value(header: Header, name: str, tag: int) -> str:
    if name in ("Rows", "Columns"):
        number = header.number(tag)
        return "" if number is None else str(number)
    return "\\".join(header.texts(tag)).strip()


def pydicoms(path: Path) -> dict[str, str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            if not data:
                return None
            values = {name: data.get(name, "") for name in TAGS}
        except Exception:
            return None
    return {
        name: "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value or "").strip()
        for name, value in values.items()
    }


def dcmtks(path: Path) -> dict[str, str] | None:
    """dcmdump prints texts as they stand: only those in ASCII are compared."""
    wanted = [option for tag in TAGS.values() for option in ("+P", f"{tag >> 16:04x},{tag & 0xFFFF:04x}")]
    done = subprocess.run(["dcmdump", "-Un", "+p", *wanted, path], capture_output=True, check=False)
    if done.returncode or not done.stdout:
        return None
    found = {(m[1] + m[2]).decode().lower(): (m[3] or m[4] or m[5] or b"") for m in _LINE.finditer(done.stdout)}
    return {name: found.get(f"{tag:08x}", b"").decode("ascii", "replace").strip() for name, tag in TAGS.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", nargs="*", type=Path)
    folders = options.parse_args().folders or [Path(str(get_testdata_file("CT_small.dcm"))).parent]
    readers = {"pydicom": pydicoms} | ({"DCMTK": dcmtks} if shutil.which("dcmdump") else {})
    counts: Counter[str] = Counter()
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        here = ours(path)
        for name, reader in readers.items():
            theirs = reader(path)
            if theirs is None or here is None:
                if theirs is not None and theirs["SOPClassUID"]:
                    print(f"{path.name}: read by {name} alone")
                    counts[f"{name} alone"] += 1
                continue
            different = [key for key in TAGS if theirs[key] != here[key] and "\ufffd" not in theirs[key]]
            counts[f"{name}: the same" if not different else f"{name}: different"] += 1
            if different:
                print(f"{path.name}: {name} reads another {', '.join(different)}")
    for name, count in sorted(counts.items()):
        print(f"{count:7}  {name}")


if __name__ == "__main__":
    main()
