"""A JPEG with a hole, a lost part or a missing scan is never half a film; what viewers overlook is read."""

from io import BytesIO

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.read import jpeg, jpeg_decode
from xscan.engine.read.decode import read_bytes

from .dicom_maker import JPEG_8, JPEG_12, LOSSLESS, LOSSLESS_SV1, film, phantom

GRAIN = np.random.default_rng(4).normal(0, 6, (240, 200))
DEEP = np.clip(phantom(240, 200, bits=12) + GRAIN * 5, 0, 4095).astype(np.uint16)
GREY = (DEEP >> 4).astype(np.uint8)


def saved(picture: np.ndarray, mode: str = "", **options: object) -> bytes:
    stream = BytesIO()
    image = Image.fromarray(picture)
    (image.convert(mode) if mode else image).save(stream, "JPEG", quality=93, **options)
    return stream.getvalue()


def restarts(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_RST_INTERVAL, 5])[1].tobytes()


def in_dicom(syntax: str, deep: bool, stream: bytes) -> bytes:
    stream += b"\0" * (len(stream) % 2)
    if deep:
        return film(DEEP, syntax, allocated=16, stored=12, frame=stream)
    return film(GREY, syntax, frame=stream)


EIGHT = {
    "baseline": saved(GREY),
    "optimised": saved(GREY, optimize=True),
    "colour": saved(np.dstack([GREY, GREY, GREY // 2])),
    "CMYK": saved(GREY, "CMYK"),
    "restarts": restarts(GREY),
}
STREAMS = {
    **{f"{name} JPEG": ("", stream) for name, stream in EIGHT.items()},
    "baseline in DICOM": (JPEG_8, EIGHT["baseline"]),
    "restarts in DICOM": (JPEG_8, EIGHT["restarts"]),
    "extended": (JPEG_12, imagecodecs.jpeg8_encode(DEEP, level=95, bitspersample=12)),
    **{
        f"lossless, predictor {number}": (LOSSLESS, imagecodecs.jpeg8_encode(DEEP, lossless=True, predictor=number))
        for number in range(1, 8)
    },
    "lossless, 8 bits": (LOSSLESS_SV1, imagecodecs.jpeg8_encode(GREY, lossless=True)),
}


def whole_file(syntax: str, stream: bytes) -> bytes:
    return in_dicom(syntax, jpeg.jpeg_header(stream).precision > 8, stream) if syntax else stream


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_a_hole_is_noticed(name: str, share: float) -> None:
    syntax, stream = STREAMS[name]
    read_bytes(whole_file(syntax, stream))
    start = jpeg.jpeg_header(stream).scan
    at = int(start + (len(stream) - start) * share)
    for size in (512, 2000):
        hole = bytearray(stream)
        size = min(size, len(stream) - 2 - at)
        hole[at : at + size] = bytes(size)
        with pytest.raises(UnreadableRadiograph) as problem:
            read_bytes(whole_file(syntax, bytes(hole)))
        assert problem.value.code in ("corrupt", "truncated")


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_and_closed_again_is_noticed(name: str) -> None:
    syntax, stream = STREAMS[name]
    for left in (20, 300, len(stream) // 3, len(stream) // 2):
        with pytest.raises(UnreadableRadiograph) as problem:
            read_bytes(whole_file(syntax, stream[: len(stream) - 2 - left] + b"\xff\xd9"))
        assert problem.value.code in ("corrupt", "truncated")


def scan_starts(stream: bytes) -> list[int]:
    """Where each scan's header begins."""
    starts, at = [], jpeg.jpeg_header(stream).scan_header - 4
    while at >= 0:
        starts.append(at)
        at = stream.find(b"\xff\xda", at + 2)
    return starts


@pytest.mark.parametrize("colour", [False, True])
def test_a_progressive_picture_without_its_last_scans_is_noticed(colour: bool) -> None:
    stream = saved(np.dstack([GREY] * 3) if colour else GREY, progressive=True)
    starts = scan_starts(stream)
    assert len(starts) > 4
    read_bytes(stream)
    for start in starts[1:]:
        at = stream.rfind(b"\xff\xc4", 0, start)  # with the tables before it
        for end in {start, at if at > jpeg.jpeg_header(stream).scan else start}:
            with pytest.raises(UnreadableRadiograph, match="truncated"):
                read_bytes(stream[:end] + b"\xff\xd9")


def test_a_scan_of_its_own_for_each_component() -> None:
    """Sequential JPEG may store Y, CB and CR one after the other: all three must be there."""
    stream = bytes(imagecodecs.jpeg8_encode(np.dstack([GREY] * 3), level=92))
    plain = read_bytes(stream).grey
    assert np.abs(plain - GREY.astype(int)).max() <= 20
    one = bytearray(saved(GREY))
    at = one.index(b"\xff\xc0")
    assert one[at + 9] == 1
    # the same picture, whose frame says three components and whose only scan has one of them
    frame = one[at : at + 11 + 2]
    frame[9], frame[3] = 3, 17
    three = one[:at] + frame + b"\x02\x11\x00\x03\x11\x00" + one[at + 13 :]
    with pytest.raises(UnreadableRadiograph, match="truncated"):
        read_bytes(bytes(three))


@pytest.mark.parametrize("name", [name for name in STREAMS if "lossless" not in name])
def test_scan_parameters_that_mean_nothing_may_be_anything(name: str) -> None:
    """Encoders write Ss, Se and Ah of sequential scans as they like; libjpeg only warns."""
    syntax, stream = STREAMS[name]
    right = read_bytes(whole_file(syntax, stream)).grey
    at = jpeg.jpeg_header(stream).scan
    for values in (b"\0\0\0", b"\0\x3e\x10", b"\1\x3f\0"):
        odd = stream[: at - 3] + values + stream[at:]
        assert np.array_equal(read_bytes(whole_file(syntax, odd)).grey, right)


@pytest.mark.parametrize("name", STREAMS)
def test_zeros_behind_the_picture_do_not_matter(name: str) -> None:
    syntax, stream = STREAMS[name]
    right = read_bytes(whole_file(syntax, stream)).grey
    for odd in (stream + bytes(2), stream + bytes(301), stream[:-2] + b"\0\0" + stream[-2:]):
        assert np.array_equal(read_bytes(whole_file(syntax, odd)).grey, right)


def test_odd_jfif_and_adobe_versions_do_not_matter_but_do_not_hide_a_hole() -> None:
    stream = bytearray(EIGHT["baseline"])
    stream[stream.index(b"JFIF\0") + 5] = 9
    right = read_bytes(EIGHT["baseline"]).grey
    assert np.array_equal(read_bytes(bytes(stream)).grey, right)
    at = len(stream) // 2
    stream[at : at + 300] = bytes(300)
    with pytest.raises(UnreadableRadiograph):
        read_bytes(bytes(stream))
    adobe = bytearray(EIGHT["CMYK"])
    adobe[adobe.index(b"Adobe") + 11] = 7
    read_bytes(bytes(adobe))


@pytest.mark.parametrize("name", [name for name, (syntax, _) in STREAMS.items() if syntax not in ("", JPEG_8)])
def test_the_compiled_decoder_gives_what_libjpeg_turbo_gives(name: str) -> None:
    if not jpeg_decode.COMPILED:
        pytest.skip("not compiled")
    _, stream = STREAMS[name]
    head = jpeg.jpeg_header(stream)
    end = jpeg.require_whole(stream, head)
    ours, decoder = jpeg_decode.decode_jpeg(stream, head, end)
    assert decoder == "xscan"
    theirs = jpeg_decode.without_compiler(stream, end)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 33])
@pytest.mark.parametrize("columns", [1, 5, 8, 17, 64])
def test_the_compiled_decoder_at_every_edge(rows: int, columns: int) -> None:
    values = np.random.default_rng(rows * columns).integers(0, 4096, (rows, columns)).astype(np.uint16)
    for encoded in (
        imagecodecs.jpeg8_encode(values, lossless=True, predictor=5),
        imagecodecs.jpeg8_encode(values * 16, lossless=True, predictor=1),
        imagecodecs.jpeg8_encode((values >> 4).astype(np.uint8), lossless=True, predictor=7),
        imagecodecs.jpeg8_encode(values, level=100, bitspersample=12),
        imagecodecs.jpeg8_encode(values, level=30, bitspersample=12),
    ):
        stream = bytes(encoded)
        head = jpeg.jpeg_header(stream)
        ours, _ = jpeg_decode.decode_jpeg(stream, head, jpeg.require_whole(stream, head))
        assert np.array_equal(ours, imagecodecs.jpeg8_decode(stream))


@pytest.mark.parametrize("name", ["extended", "lossless, predictor 1", "lossless, 8 bits"])
def test_without_a_compiler_damage_is_noticed_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_decode, "_jpeg", None)
    syntax, stream = STREAMS[name]
    read_bytes(whole_file(syntax, stream))
    at = len(stream) // 2
    for broken in (
        stream[:at] + bytes(512) + stream[at + 512 :],
        stream[: at * 19 // 10] + b"\xff\xd9",
        stream[:at] + stream[at + 700 :],
    ):
        with pytest.raises(UnreadableRadiograph):
            read_bytes(whole_file(syntax, broken))


@pytest.mark.parametrize("process", [0xC5, 0xC9, 0xCA, 0xCB])
def test_a_process_that_no_decoder_reads_is_unsupported(process: int) -> None:
    stream = bytearray(EIGHT["baseline"])
    stream[stream.index(b"\xff\xc0") + 1] = process
    for content in (bytes(stream), in_dicom(JPEG_8, False, bytes(stream))):
        with pytest.raises(UnreadableRadiograph, match="unsupported"):
            read_bytes(content)
