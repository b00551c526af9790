"""CMYK films: the compiled formulas give what OpenCV and libtiff give, so that one decoding is enough."""

from io import BytesIO

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.read import cmyk
from xscan.engine.read.decode import read_bytes

from .dicom_maker import phantom

INKS = np.random.default_rng(2).integers(0, 256, (256, 300, 4)).astype(np.uint8)

pytestmark = pytest.mark.skipif(not cmyk.COMPILED, reason="no compiler where xscan was installed")


def smooth() -> np.ndarray:
    """uint8 [128, 120, 4]: four different shadings."""
    grey = phantom(128, 120).astype(np.uint8)
    return np.stack([grey, grey[::-1], 255 - grey, grey // 3], axis=-1)


def saved(inks: np.ndarray, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(inks, "CMYK").save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("inks", [INKS, smooth()], ids=["noise", "smooth"])
@pytest.mark.parametrize("options", [{"quality": 95}, {"quality": 40}, {"progressive": True}])
def test_a_jpeg_is_grey_as_opencv_makes_it(inks: np.ndarray, options: dict[str, object]) -> None:
    content = saved(inks, "JPEG", **options)
    theirs = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    ours = cmyk.grey_of_cmyk(simplejpeg.decode_jpeg(content, "CMYK"), tiff=False)
    assert ours is not None
    assert theirs is not None
    assert np.array_equal(ours, theirs)
    assert np.array_equal(read_bytes(content).grey, theirs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("inks", [INKS, smooth()], ids=["noise", "smooth"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_is_grey_as_libtiff_and_opencv_make_it(inks: np.ndarray, compression: str) -> None:
    content = saved(inks, "TIFF", compression=compression)
    theirs = cv2.cvtColor(imagecodecs.tiff_decode(content, asrgb=True), cv2.COLOR_RGBA2GRAY)
    ours = cmyk.grey_of_cmyk(inks, tiff=True)
    assert ours is not None
    assert np.array_equal(ours, theirs)
    assert np.array_equal(read_bytes(content).grey, theirs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("TIFF", {"compression": "tiff_lzw"})])
def test_damage_is_heard_of_all_the_same(kind: str, options: dict[str, object]) -> None:
    content = bytearray(saved(INKS, kind, **options))
    middle = len(content) // 2
    content[middle : middle + 900] = bytes(900)
    with pytest.raises(UnreadableRadiograph):
        read_bytes(bytes(content))


def test_without_a_compiler_and_for_other_shapes_the_caller_decodes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cmyk.grey_of_cmyk(INKS[..., :3], tiff=True) is None
    assert cmyk.grey_of_cmyk(INKS.astype(np.uint16), tiff=True) is None
    monkeypatch.setattr(cmyk, "_cmyk", None)
    assert cmyk.grey_of_cmyk(INKS, tiff=False) is None
