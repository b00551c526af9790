"""Feed the reader thousands of damaged files: no crash, no hang, no file without a row, memory bounded.

    python scripts/fuzz_read.py --count 20000 [--seed 1] [--keep DIR]

Seeds are films made by us (every transfer syntax and raster format) and zips of them. Each is damaged by byte
flips, cuts, holes, lies in its header, foreign DICOM elements, another file's middle, or in its structure (segments,
tags, elements, chunks, zip directories: fuzz_structure.py). A child process reads
them; the parent notes what became of each, and starts another child where one dies or takes over 10 seconds.
A case is known by its seed and index alone: `--only INDEX` runs one of them in this process.
"""

import argparse
import queue
import random
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import fuzz_structure  # noqa: E402

LIMIT_S = 10.0


def seeds() -> list[tuple[str, bytes]]:
    """(name, content) of the undamaged files."""
    import cv2
    import imagecodecs
    import numpy as np
    from PIL import Image

    sys.path.insert(0, str(ROOT))
    from tests.engine.read import dicom_maker as make

    found = []
    for syntax in [*make.LOSSLESS_SYNTAXES, *make.LOSSY_SYNTAXES]:
        bits = 12 if syntax != make.JPEG_8 else 8
        options: dict[str, Any] = {"allocated": 16 if bits == 12 else 8, "stored": bits}
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            content = make.film(
                make.phantom(bits=bits),
                syntax,
                photometric=photometric,
                WindowCenter="900",
                WindowWidth="1500",
                **options,
            )
            found.append((f"dicom {syntax}", content))
        colour = np.stack([make.phantom()] * 3, axis=-1)
        if syntax != make.JPEG_12:
            found.append((f"dicom colour {syntax}", make.film(colour, syntax, photometric="RGB")))
    grey = make.phantom(120, 90).astype(np.uint8)
    wide = make.phantom(120, 90, bits=16).astype(np.uint16)
    rgba = np.dstack([grey, grey, grey, 255 - grey // 8])
    for suffix, picture in (("jpg", grey), ("png", grey), ("tif", grey), ("bmp", grey), ("webp", grey), ("png", wide)):
        found.append((suffix, cv2.imencode(f".{suffix}", picture)[1].tobytes()))
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 8]
    found.append(("progressive jpg", cv2.imencode(".jpg", grey, progressive)[1].tobytes()))
    found.append(("tif 16", cv2.imencode(".tif", wide)[1].tobytes()))
    for compression in (cv2.IMWRITE_TIFF_COMPRESSION_LZW, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE):
        strips = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16]
        found.append(("tif strips", cv2.imencode(".tif", rgba[..., :3], strips)[1].tobytes()))
    stream = BytesIO()
    Image.fromarray(grey).save(stream, "TIFF", compression="jpeg")
    found.append(("tif jpeg", stream.getvalue()))
    found.append(("tif pages", cv2.imencodemulti(".tif", [grey[::4, ::4].copy(), grey])[1].tobytes()))
    found.append(("12-bit jpg", imagecodecs.jpeg8_encode(wide >> 4, level=95, bitspersample=12)))
    for predictor in (1, 7):
        found.append(("lossless jpg", imagecodecs.jpeg8_encode(wide >> 4, lossless=True, predictor=predictor)))
    found.append(("png alpha", cv2.imencode(".png", rgba)[1].tobytes()))
    found.append(("jp2", imagecodecs.jpeg2k_encode(wide, codecformat="JP2", reversible=True)))
    zips = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for members in (found[:3], found[-5:]):
            stream = BytesIO()
            with zipfile.ZipFile(stream, "w", method) as archive:
                for number, (_, content) in enumerate(members):
                    archive.writestr(f"DICOM/{number}", content)
            zips.append(("zip", stream.getvalue()))
    return found + zips


def damage(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """One damaged copy of a file, by one to three kinds of damage."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3))):
        if not data:
            break
        at = chance.randrange(len(data))
        head = chance.randrange(min(len(data), 700))  # where the headers are
        kind = chance.randrange(12)
        if kind == 0:
            for _ in range(chance.choice((1, 4, 16, 64))):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + chance.choice((1, 2, 8, 500))]
        elif kind == 3:
            data[at : at + chance.choice((4, 64, 1000))] = bytes(chance.choice((4, 64, 1000)))
        elif kind == 4:
            extreme = chance.choice((b"\0\0", b"\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\x01\0", b"\xff\x7f"))
            data[head : head + len(extreme)] = extreme
        elif kind == 5:
            data[head : head + 4] = chance.randbytes(4)
        elif kind == 6:  # a foreign element with a length of its own choosing
            length = chance.choice((0, 1, 7, 400, 65_535, 0xFFFFFFFF))
            vr = chance.choice((b"SQ\0\0", b"UN\0\0", b"OB\0\0", b"US", b"XX", b"DS", b""))
            width = 2 if len(vr) == 2 else 4
            element = chance.randbytes(4) + vr + (length & (1 << 8 * width) - 1).to_bytes(width, "little")
            data[head:head] = element
        elif kind == 7:
            start = chance.randrange(len(other))
            data[at : at + 200] = other[start : start + 200]
        elif kind > 8:
            data = bytearray(fuzz_structure.structural(bytes(data), chance))
        else:  # a known element's value
            for tag in chance.sample(TAGS, 3):
                place = data.find(tag)
                if place >= 0:
                    data[place + 8 : place + 10] = chance.choice(
                        (b"\0\0", b"\x01\0", b"\xff\xff", b"\x00\x40", b"\x20\0")
                    )
    return bytes(data)


# Rows, Columns, SamplesPerPixel, BitsAllocated, BitsStored, HighBit, PixelRepresentation, PlanarConfiguration
TAGS = [
    b"\x28\0" + bytes((low, high))
    for low, high in ((0x10, 0), (0x11, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 1), (6, 0))
]


def case(seed: int, index: int, files: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    chance = random.Random(seed * 1_000_003 + index)
    name, content = chance.choice(files)
    return name, damage(content, chance.choice(files)[1], chance)


def read(name: str, content: bytes, folder: Path) -> str:
    """Read one damaged file as the batch would; say what became of it: every file gets a row."""
    from xscan.engine.errors import FileProblem
    from xscan.engine.find.discover import discover
    from xscan.engine.read.decode import read_film
    from xscan.engine.read.film import Limits
    from xscan.engine.reasons import CODES

    path = folder / ("case.zip" if name == "zip" else "case")
    path.write_bytes(content)
    fates = []
    for found in discover(folder):
        try:
            film = read_film(found, Limits())
            assert film.grey.ndim == 2
            assert str(film.grey.dtype) == "uint8"
            assert film.grey.shape == (film.facts.rows, film.facts.columns)
            fates.append("ok")
        except FileProblem as problem:
            if problem.code not in CODES:
                raise KeyError("a code outside the list") from None
            fates.append(f"{problem.status} {problem.code}")
    assert fates
    path.unlink()
    return fates[0]


def child(seed: int, start: int, count: int, keep: Path) -> None:
    files = seeds()
    keep.mkdir(parents=True, exist_ok=True)
    for index in range(start, start + count):
        print("start", index, flush=True)
        name, content = case(seed, index, files)
        began = time.perf_counter()
        try:
            fate = read(name, content, keep)
        except BaseException as error:  # the very thing that must not happen
            fate = f"RAISED {type(error).__name__}"
        print("done", index, f"{time.perf_counter() - began:.3f}", peak_mb(), name.split()[0], fate, flush=True)


def peak_mb() -> int:
    try:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    except ImportError:  # Windows
        return 0


def parent(arguments: argparse.Namespace) -> int:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="fuzz_read_"))
    fates: Counter[str] = Counter()
    bad: list[str] = []
    slowest, peak, index = (0.0, -1), 0, 0
    while index < arguments.count:
        command = [sys.executable, __file__, "--child", str(index), "--count", str(arguments.count - index)]
        process = subprocess.Popen(
            [*command, "--seed", str(arguments.seed), "--keep", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
        first = True
        while index < arguments.count:
            try:
                line = lines.get(timeout=60 if first else LIMIT_S)
            except queue.Empty:
                line = "HANG"
            first = False
            if line.startswith("start"):
                continue
            if line.startswith("done"):
                _, number, seconds, memory, name, fate = line.split(maxsplit=5)
                fates[fate.strip()] += 1
                slowest = max(slowest, (float(seconds), int(number)))
                peak = max(peak, int(memory))
                if "RAISED" in fate:
                    bad.append(f"{number}: {name} {fate.strip()}")
                index = int(number) + 1
                continue
            bad.append(f"{index}: {'over the time limit' if line == 'HANG' else f'died, {process.wait()}'}")
            fates["CRASH OR HANG"] += 1
            index += 1
            break
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
    for fate, number in fates.most_common():
        print(f"{number:7d}  {fate}")
    print(f"slowest {slowest[0]:.2f} s (case {slowest[1]}), peak memory {peak} MB, {len(bad)} bad")
    print("\n".join(bad[:50]))
    return 1 if bad else 0


def _pump(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
    assert process.stdout
    for line in process.stdout:
        lines.put(line)
    lines.put("END")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz_read_cases"))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--only", type=int, help="run one case here, and keep its file in --keep")
    arguments = parser.parse_args()
    if arguments.child is not None:
        child(arguments.seed, arguments.child, arguments.count, arguments.keep)
        return 0
    if arguments.only is not None:
        name, content = case(arguments.seed, arguments.only, seeds())
        arguments.keep.mkdir(parents=True, exist_ok=True)
        (arguments.keep / f"case_{arguments.only}").write_bytes(content)
        (arguments.keep / "run").mkdir(exist_ok=True)
        print(name, read(name, content, arguments.keep / "run"))
        return 0
    return parent(arguments)


if __name__ == "__main__":
    sys.exit(main())
