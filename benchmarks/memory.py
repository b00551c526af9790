"""Peak memory of `xscan batch` against the number of files: PSS summed over its processes (Linux).

    python benchmarks/memory.py [FILMS] [--files 40 400] [--engine FILE] [--zip]

FILMS is a folder of radiographs; it is hard-linked until there are enough files. Without it: phantoms of 20 megapixels,
half of them JPEG, half of them 12-bit JPEG lossless DICOM.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from folders import FORMATS, films, jpeg, spread
from measure import SCRATCH, table, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="?")
    parser.add_argument("--files", type=int, nargs="+", default=[40, 400])
    parser.add_argument("--engine", default="")
    parser.add_argument("--zip", action="store_true", help="put them into one zip")
    options = parser.parse_args()
    sources = options.films or large_films()
    lines = []
    for count in options.files:
        with tempfile.TemporaryDirectory() as place:
            folder = spread(sources, Path(place) / "films", count)
            if options.zip:
                folder = packed(folder, Path(place) / "packed")
            command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "-q", "--max-failures", "100%"]
            command += ["--out", str(Path(place) / "list.csv")]
            command += ["--engine", options.engine] if options.engine else []
            started = time.monotonic()
            with subprocess.Popen(command) as run:
                peak, own = watch(run)
            seconds = time.monotonic() - started
            if run.returncode:
                sys.exit(f"xscan ended with {run.returncode}")
            lines.append([count, peak, own, seconds, count / seconds])
    write("memory", "Peak memory", [table(("files", "peak PSS MB", "of it main MB", "seconds", "files/s"), lines)])


def large_films() -> Path:
    """8 phantoms of 5000 x 4000."""
    both = SCRATCH / "large"
    if not both.exists():
        for name, encode in (("jpeg-4000", jpeg), ("lossless-4000", FORMATS["DICOM, JPEG lossless"])):
            spread(films(name, encode, 4000, 5000, 4, 4), both / name, 4)
    return both


def packed(folder: Path, target: Path) -> Path:
    target.mkdir()
    with zipfile.ZipFile(target / "export.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return target


def watch(run: subprocess.Popen) -> tuple[float, float]:
    """Peak of the summed PSS of a process and its children, and of the process alone, in MB."""
    peak = own = 0.0
    while run.poll() is None:
        main = pss(run.pid)
        peak, own = max(peak, main + sum(map(pss, children(run.pid)))), max(own, main)
        time.sleep(0.2)
    return peak, own


def children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def pss(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


if __name__ == "__main__":
    main()
