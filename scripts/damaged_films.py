"""Damage films in every format that xscan reads, and hold what becomes of them against other decoders.

    python scripts/damaged_films.py [--film FILE] [--seeds 5] [--list]

Each sound film is damaged as copies and transfers damage files: a hole of 512 zero bytes, 64 other bytes, 512 bytes
lost, the end lost and the stream closed again, the end zero. Shown for each format: inputs, refused by xscan,
complained of by the oracle (`same`: as xscan), and `wrong`: taken for a film although its pixels are others.
`sound` films with harmless oddities must be read. Oracles: djpeg, DCMTK's dcmdjpeg, dcmdjpls and dcmdrle, tiffcp;
Pillow for PNG, WebP, BMP and JPEG 2000. Films are drawn, or are the pixels of --film.
"""

import argparse
import io
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.engine.read import dicom_maker as make  # noqa: E402
from xscan.engine.errors import FileProblem  # noqa: E402
from xscan.engine.read.decode import read_bytes, read_path  # noqa: E402


@dataclass
class Sound:
    name: str
    stream: bytes  #: what is damaged
    wrap: Callable[[bytes], bytes]  #: the stream to a file
    oracle: str
    data: tuple[int, int]  #: where the stream's pixel data lie
    close: bytes = b""  #: what a stream that was cut off is closed with


def film_like(rows: int, columns: int) -> np.ndarray:
    """12-bit values with a film's smoothness and noise: int64 [rows, columns]."""
    smooth = make.phantom(rows, columns, bits=12) * 0.95
    return np.clip(smooth + np.random.default_rng(5).normal(0, 30, (rows, columns)), 0, 4095).astype(np.int64)


def saved(picture: np.ndarray, kind: str, mode: str = "", **options: object) -> bytes:
    image, stream = Image.fromarray(picture), io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def plain(stream: bytes) -> bytes:
    return stream


def in_dicom(syntax: str, values: np.ndarray, deep: bool) -> Callable[[bytes], bytes]:
    words: dict[str, Any] = {"allocated": 16, "stored": 12, "WindowCenter": "2048", "WindowWidth": "4096"}
    options = words if deep else {}
    return lambda stream: make.film(values, syntax, frame=stream + b"\0" * (len(stream) % 2), **options)


def scan_of(stream: bytes) -> tuple[int, int]:
    at = stream.rindex(b"\xff\xda", 0, max(2000, len(stream) // 2))
    return at + 2 + (stream[at + 2] << 8 | stream[at + 3]), len(stream) - 2


def sound_films(values: np.ndarray) -> Iterator[Sound]:
    deep, grey = values.astype(np.uint16), (values >> 4).astype(np.uint8)
    colour = np.dstack([grey, grey, np.minimum(grey, 200)])
    end = b"\xff\xd9"
    restarts = [cv2.IMWRITE_JPEG_RST_INTERVAL, 8, cv2.IMWRITE_JPEG_QUALITY, 92]
    jpegs = {
        "jpg": saved(grey, "JPEG", quality=92),
        "jpg progressive": saved(grey, "JPEG", quality=92, progressive=True),
        "jpg restarts": cv2.imencode(".jpg", grey, restarts)[1].tobytes(),
        "jpg colour": saved(colour, "JPEG", quality=92),
        "jpg colour progressive": saved(colour, "JPEG", quality=92, progressive=True),
        "jpg CMYK": saved(colour, "JPEG", "CMYK", quality=92),
    }
    for name, stream in jpegs.items():
        yield Sound(name, stream, plain, "djpeg", scan_of(stream), end)
    for name in ("jpg", "jpg progressive", "jpg restarts"):
        stream = jpegs[name]
        yield Sound(f"dicom {name}", stream, in_dicom(make.JPEG_8, grey, False), "dcmdjpeg", scan_of(stream), end)
    for predictor in (1, 4, 7):
        stream = bytes(imagecodecs.jpeg8_encode(deep, lossless=True, predictor=predictor))
        syntax = make.LOSSLESS_SV1 if predictor == 1 else make.LOSSLESS
        name = f"dicom lossless {predictor}"
        yield Sound(name, stream, in_dicom(syntax, values, True), "dcmdjpeg", scan_of(stream), end)
    stream = bytes(imagecodecs.jpeg8_encode(grey, lossless=True, predictor=1))
    yield Sound(
        "dicom lossless 8 bit", stream, in_dicom(make.LOSSLESS_SV1, grey, False), "dcmdjpeg", scan_of(stream), end
    )
    stream = bytes(imagecodecs.jpeg8_encode(deep, level=95, bitspersample=12))
    yield Sound("dicom extended", stream, in_dicom(make.JPEG_12, values, True), "dcmdjpeg", scan_of(stream), end)
    for syntax, encoded in (
        (make.LS, imagecodecs.jpegls_encode(deep)),
        (make.LS_NEAR, imagecodecs.jpegls_encode(deep, level=3)),
    ):
        stream = bytes(encoded)
        yield Sound(
            f"dicom {syntax[-2:]} JPEG-LS", stream, in_dicom(syntax, values, True), "dcmdjpls", scan_of(stream), end
        )
    for syntax, encoded in (
        (make.J2K, imagecodecs.jpeg2k_encode(deep, codecformat="J2K", reversible=True)),
        (make.J2K_LOSSY, imagecodecs.jpeg2k_encode(deep, codecformat="J2K", level=60, reversible=False)),
        (make.HTJ2K, imagecodecs.htj2k_encode(deep, reversible=True)),
    ):
        stream = bytes(encoded)
        start = stream.index(b"\xff\x93") + 2
        wrap = in_dicom(syntax, values, True)
        yield Sound(f"dicom {syntax[-3:]} J2K", stream, wrap, "", (start, len(stream) - 2), end)
    stream = bytes(imagecodecs.jpeg2k_encode(grey, codecformat="JP2", reversible=True))
    yield Sound("jp2", stream, plain, "pillow", (stream.index(b"\xff\x93") + 2, len(stream) - 2), end)
    stream = rle(values)
    yield Sound("dicom RLE", stream, in_dicom(make.RLE, values, True), "dcmdrle", (64, len(stream)))
    whole = make.film(values, make.DEFLATED, allocated=16, stored=12)
    yield Sound("dicom deflated", whole, plain, "", (len(whole) // 50, len(whole)))
    stream = saved(grey, "PNG")
    yield Sound("png", stream, plain, "pillow", (stream.index(b"IDAT") + 4, len(stream) - 16), stream[-12:])
    for name, mode, options in (
        ("webp", "RGB", {"quality": 92}),
        ("webp lossless", "RGB", {"lossless": True}),
        ("webp alpha", "RGBA", {"quality": 92}),
    ):
        stream = saved(grey, "WEBP", mode, **options)
        yield Sound(name, stream, plain, "pillow", (40, len(stream)))
    for name, picture, mode, options in (
        ("tif", grey, "", {}),
        ("tif lzw", grey, "", {"compression": "tiff_lzw"}),
        ("tif zlib", grey, "", {"compression": "tiff_adobe_deflate"}),
        ("tif packbits", grey, "", {"compression": "packbits"}),
        ("tif jpeg", grey, "", {"compression": "jpeg", "quality": 92}),
        ("tif colour lzw", colour, "", {"compression": "tiff_lzw"}),
        ("tif colour jpeg", colour, "", {"compression": "jpeg", "quality": 92}),
        ("tif CMYK lzw", colour, "CMYK", {"compression": "tiff_lzw"}),
        ("tif palette zlib", grey, "P", {"compression": "tiff_adobe_deflate"}),
        ("tif 16 lzw", deep, "", {"compression": "tiff_lzw"}),
    ):
        stream = saved(picture, "TIFF", mode, **options)
        yield Sound(name, stream, plain, "tiffcp", strips_of(stream))
    tiled = imagecodecs_tiled(grey)
    if tiled:
        yield Sound("tif tiles zlib", tiled, plain, "tiffcp", strips_of(tiled))


def rle(values: np.ndarray) -> bytes:
    """PS3.5 annex G, each row a run of its own."""
    planes = [(values >> 8).astype(np.uint8), (values & 255).astype(np.uint8)]
    parts = [b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane) for plane in planes]
    parts = [part + b"\0" * (len(part) % 2) for part in parts]
    return struct.pack("<16I", 2, 64, 64 + len(parts[0]), *[0] * 13) + b"".join(parts)


def imagecodecs_tiled(grey: np.ndarray) -> bytes:
    try:
        import tifffile
    except ImportError:
        return b""
    stream = io.BytesIO()
    tifffile.imwrite(stream, grey, compression="zlib", tile=(128, 128))
    return stream.getvalue()


def strips_of(stream: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(stream)) as image:
        tags = image.tag_v2  # pyright: ignore[reportAttributeAccessIssue]  # a TIFF has it
        offsets = tags.get(273) or tags.get(324)
        counts = tags.get(279) or tags.get(325)
        return min(offsets), max(offset + count for offset, count in zip(offsets, counts, strict=True))


def damaged(sound: Sound, seeds: int) -> Iterator[tuple[str, bytes]]:
    start, end = sound.data
    for seed in range(seeds):
        chance = np.random.default_rng(seed)
        stream = sound.stream
        at = int(start + (end - start) * (0.1 + 0.8 * chance.random()))
        yield f"hole at {at}", stream[:at] + bytes(min(512, end - at)) + stream[at + min(512, end - at) :]
        other = bytes(chance.integers(0, 255, 64, np.uint8))  # without FF
        yield f"64 other bytes at {at}", stream[:at] + other + stream[at + 64 :]
        yield f"zeros from {at}", stream[:at] + bytes(end - at) + stream[end:]
        if not sound.name.startswith("tif"):
            yield f"512 bytes lost at {at}", stream[:at] + stream[at + 512 :]
        if sound.close:
            yield f"cut and closed at {at}", closed(sound, at)
            near = end - int(chance.integers(8, 400))
            yield f"cut and closed at {near}", closed(sound, near)


def closed(sound: Sound, at: int) -> bytes:
    """Cut off, and closed as a repairing program would."""
    stream = sound.stream
    if sound.name == "png":
        import zlib

        first = stream.index(b"IDAT")
        body = stream[first + 4 : at]
        chunk = b"IDAT" + body
        framed = struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return stream[: first - 4] + framed + sound.close
    if "J2K" in sound.name or sound.name == "jp2":
        place = stream.index(b"\xff\x90\x00\x0a") + 6
        cut = bytearray(stream[:at] + sound.close)
        cut[place : place + 4] = struct.pack(">I", at - place + 6)
        return bytes(cut)
    return stream[:at] + sound.close


def oddities(sound: Sound) -> Iterator[tuple[str, bytes]]:
    """What viewers read without a word."""
    yield "sound", sound.stream
    yield "zeros behind the end", sound.stream + bytes(6)
    if sound.close == b"\xff\xd9" and "J2K" not in sound.name and sound.name != "jp2" and "LS" not in sound.name:
        yield "a zero before the end", sound.stream[:-2] + b"\0" + sound.stream[-2:]
        if "progressive" not in sound.name and "lossless" not in sound.name:
            odd = bytearray(sound.stream)
            odd[sound.data[0] - 3 : sound.data[0]] = b"\0\0\0"
            yield "Ss and Se zero", bytes(odd)


def complains(oracle: str, content: bytes, folder: Path) -> bool | None:
    """Whether another decoder raises, ends with an error or says anything; None without it."""
    path, out = folder / "in", folder / "out"
    path.write_bytes(content)
    if oracle == "pillow":
        try:
            with Image.open(path) as image:
                image.load()
        except Exception:
            return True
        return False
    if not shutil.which(oracle):
        return None
    options = {"djpeg": ["-outfile", str(out), str(path)], "tiffcp": ["-c", "none", str(path), str(out)]}
    command = [oracle, *options.get(oracle, [str(path), str(out)])]
    done = subprocess.run(command, capture_output=True, check=False)
    said = [line for line in done.stderr.splitlines() if b"unknown field" not in line.lower()]
    return done.returncode != 0 or bool(said)


def fate(content: bytes, right: np.ndarray) -> str:
    """What xscan makes of it: `failed: ...`, `right`, or `wrong` with the share of pixels that are others."""
    try:
        grey = read_bytes(content).grey
    except FileProblem as problem:
        return f"{problem.status}: {problem.code}"
    if grey.shape != right.shape:
        return "wrong: another size"
    off = np.abs(grey.astype(int) - right) > 10
    return f"wrong: {off.mean():.4f}" if off.any() else "right"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--film", type=Path, help="the pixels of this film instead of drawn ones")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="formats whose name begins so")
    parser.add_argument("--list", action="store_true", help="name each input that is taken wrongly")
    arguments = parser.parse_args()
    values = film_like(500, 420)
    if arguments.film:
        values = cv2.resize(read_path(arguments.film).grey, (840, 1000)).astype(np.int64) * 16
    wrong_in_all = 0
    print(f"{'format':26} inputs refused wrong   oracle    complains  same  odd read")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for sound in sound_films(values):
            if not sound.name.startswith(arguments.only):
                continue
            right = read_bytes(sound.wrap(sound.stream)).grey.astype(int)
            odd = [(what, fate(sound.wrap(stream), right)) for what, stream in oddities(sound)]
            counts = {"inputs": 0, "refused": 0, "wrong": 0, "complains": 0, "same": 0}
            listed = [f"{what}: {end}" for what, end in odd if end != "right"]
            for what, stream in damaged(sound, arguments.seeds):
                content = sound.wrap(stream)
                end = fate(content, right)
                said = complains(sound.oracle, content, folder) if sound.oracle else None
                refused = end.startswith(("failed", "skipped"))
                counts["inputs"] += 1
                counts["refused"] += refused
                counts["wrong"] += end.startswith("wrong")
                counts["complains"] += bool(said)
                counts["same"] += said == refused
                if end.startswith("wrong"):
                    listed.append(f"{what}: {end}, the oracle {'complains' if said else 'is silent'}")
            wrong_in_all += counts["wrong"]
            read = sum(end == "right" for _, end in odd)
            own = f"{counts['inputs']:7}{counts['refused']:8}{counts['wrong']:6}"
            others = f"{sound.oracle or '-':10}{counts['complains']:9}{counts['same']:6}"
            print(f"{sound.name:26}{own}   {others}{read:6} of {len(odd)}", flush=True)
            if arguments.list:
                print("".join(f"    {line}\n" for line in listed), end="")
    return 1 if wrong_in_all else 0


if __name__ == "__main__":
    sys.exit(main())
