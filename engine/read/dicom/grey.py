"""From stored values to the 8-bit grey that a viewer shows, in the standard's order.

stored value → modality LUT or rescale → VOI LUT or window → presentation (inversion last)
(PS3.3 C.11.1, C.11.2, C.11.6; PS3.4 N.2). A film has at most 16 bits, so the whole chain is one table
of at most 65,536 entries, applied in one pass over the pixels; where it is a straight line, by that line.
"""

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from ..line import by_line
from ..look_up import look_up
from .header import Header
from .pixels import ImagePixel, Stored

PERCENTILES = (0.5, 99.5)  #: of the picture, where no window is given


@dataclass(slots=True)
class Rendering:
    """How stored values became grey, for `inspect`."""

    grey: np.ndarray  #: uint8 [rows, columns]
    window: str
    inverted: bool
    notes: list[str]
    contradiction: bool = False  #: PhotometricInterpretation and PresentationLUTShape disagree


def render(header: Header, image: ImagePixel, stored: Stored) -> Rendering:
    """Apply the grey-scale rules to decoded pixels."""
    pixels = stored.pixels
    if image.samples == 3:
        return Rendering(_luma(header, stored), "colour", False, [])
    if image.photometric == "PALETTE COLOR":
        return Rendering(_palette(header, image, pixels, stored.compressed), "palette", False, [])
    notes: list[str] = []
    values = value_range(image)
    index = _index(pixels.itemsize, image.stored, image.high, image.signed, stored.compressed)
    counts = _sampled_counts(pixels, index, values.size)
    padding = _padding(header, image, values)
    counts[padding] = 0
    modality = modality_output(header, values, notes)
    shown, window = voi_output(header, image, modality, counts, notes)
    inverted, contradiction = inversion(header, image)
    # Inversion comes after VOI, never before (PS3.3 C.7.6.3.1.2, C.11.6.1.2).
    exact = 255.0 * (1.0 - shown if inverted else shown)
    table = np.clip(np.rint(exact), 0, 255).astype(np.uint8)
    table[padding] = 0  # PS3.3 C.7.5.1.1.2: padding is no part of the picture: shown as background
    words = table[index]
    mask = 0xFFFF if stored.compressed else values.size - 1
    grey = by_line(pixels, words, table, exact, mask, values.size // 2 if image.signed else 0)
    if grey is None:
        grey = look_up(words, pixels)
    return Rendering(grey, window, inverted, notes, contradiction)


def value_range(image: ImagePixel) -> np.ndarray:
    """Every value that BitsStored and PixelRepresentation allow, in order: int64 [2**BitsStored]."""
    low = -(1 << (image.stored - 1)) if image.signed else 0
    return np.arange(low, low + (1 << image.stored))


@functools.lru_cache(maxsize=8)
def _index(itemsize: int, stored: int, high: int, signed: bool, compressed: bool) -> np.ndarray:
    """For each word that a pixel can be, where its value lies in `value_range`: int64 [256 or 65,536].

    The value has BitsStored bits and ends at HighBit; other bits may hold anything, overlays did (PS3.5 8.1.1).
    PixelRepresentation 1 is two's complement. A compressed stream has no such other bits: what a lossy one
    returns beyond BitsStored is an overshoot, and is clipped, since dropping its upper bits would turn
    white into black.
    """
    words = np.arange(1 << 8 * itemsize)
    top, sign = (1 << stored) - 1, 1 << (stored - 1)
    if not compressed:
        return ((words >> (high + 1 - stored)) & top) ^ (sign if signed else 0)
    if not signed:
        return np.minimum(words, top)
    wide = 1 << (8 * itemsize - 1)
    extended = (words ^ wide) - wide
    values = np.where(words <= top, (words ^ sign) - sign, extended)  # or not extended by the encoder
    return np.clip(values, -sign, sign - 1) + sign


def _sampled_counts(pixels: np.ndarray, index: np.ndarray, size: int) -> np.ndarray:
    """How often each value occurs, from about 16,000 pixels spread over the picture: int64 [size]."""
    step = max(1, int((pixels.size / 16_384) ** 0.5))
    return np.bincount(index[pixels[::step, ::step].ravel()], minlength=size)


def _padding(header: Header, image: ImagePixel, values: np.ndarray) -> np.ndarray:
    """Which values are PixelPaddingValue, up to PixelPaddingRangeLimit if given (PS3.3 C.7.5.1.1.2)."""
    value = header.number(0x00280120)
    if value is None:
        return np.zeros(values.shape, bool)
    limit = header.number(0x00280121)
    bounds = [value, value if limit is None else limit]
    if image.signed:
        bounds = [(bound & 0xFFFF ^ 0x8000) - 0x8000 for bound in bounds]
    else:
        bounds = [bound & 0xFFFF for bound in bounds]
    return (values >= min(bounds)) & (values <= max(bounds))


@dataclass(slots=True)
class _Lut:
    first: int
    data: np.ndarray
    bits: int

    def __call__(self, values: np.ndarray) -> np.ndarray:
        # PS3.3 C.11.1.1.1: below the first mapped value the first entry holds, above the last the last.
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, self.data.size - 1)
        return self.data[index].astype(np.float64)


def _lut(header: Header, sequence: int, signed_input: bool) -> _Lut | None:
    """The first usable item of a Modality or VOI LUT Sequence (PS3.3 C.11.1.1.1, C.11.2.1.1)."""
    luts = (_lut_of(item, signed_input) for item in header.items(sequence))
    return next((lut for lut in luts if lut is not None), None)


def _lut_of(item: Header, signed_input: bool) -> _Lut | None:
    if not (raw := item.value(0x00283006)):
        return None
    descriptor = np.frombuffer(item.value(0x00283002)[:6], item.order + "u2")
    if descriptor.size < 3:
        return None
    count, first, bits = (int(number) for number in descriptor)
    count = count or 65_536
    if signed_input and first >= 32_768:
        first -= 65_536
    if not 1 <= bits <= 16:
        return None
    packed = bits <= 8 and len(raw) < 2 * count  # entries of 8 bits may lie two to a word
    data = np.frombuffer(raw, np.uint8 if packed else item.order + "u2", -1 if packed else len(raw) // 2)
    return _Lut(first, data[:count], bits) if data.size else None


def modality_output(header: Header, values: np.ndarray, notes: list[str]) -> np.ndarray:
    """Modality LUT, else RescaleSlope and RescaleIntercept (PS3.3 C.11.1): float64, same shape."""
    signed = bool(values.min() < 0)
    if lut := _lut(header, 0x00283000, signed):
        notes.append("modality LUT")
        return lut(values)
    slope = (header.decimals(0x00281053) or [1.0])[0]
    intercept = (header.decimals(0x00281052) or [0.0])[0]
    if slope == 0:
        notes.append("RescaleSlope 0 ignored")
        slope = 1.0
    return values * slope + intercept


def voi_output(
    header: Header, image: ImagePixel, modality: np.ndarray, counts: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, str]:
    """VOI LUT, else the first usable window, else one made from the picture (PS3.3 C.11.2): 0 to 1, same shape.

    counts: how often each entry of `modality` occurs in the picture; a window that shows next to none of it
    is ignored.
    """
    if lut := _lut(header, 0x00283010, bool(modality.min() < 0)):
        # The descriptor's bits often overstate the entries: 16 of them around a 12-bit table.
        top = (1 << max(int(lut.data.max()).bit_length(), 1)) - 1
        shown = lut(modality) / top
        if _has_contrast(shown, counts):
            return shown, "VOI LUT"
        notes.append("VOI LUT without contrast ignored")
    function = header.text(0x00281056).upper() or "LINEAR"
    windows = list(zip(_numbers(header, 0x00281050), _numbers(header, 0x00281051), strict=False))
    for center, width in windows:
        shown = None if center is None or width is None else _windowed(modality, center, width, function)
        if shown is not None and _has_contrast(shown, counts):
            return shown, f"window {center:g}/{width:g} {function}"
    if any(center is not None for center, _ in windows):
        notes.append("window without contrast ignored")
    if image.stored <= 8:
        low, high = float(modality.min()), float(modality.max())
        window = "full range"
    else:
        low, high = _percentiles(modality, counts)
        window = f"percentiles {low:g} to {high:g}"
    if high <= low:
        high = low + 1.0
    return np.clip((modality - low) / (high - low), 0.0, 1.0), window


def _numbers(header: Header, tag: int) -> list[float | None]:
    """The values of a DS element in their places; None for one that is empty or no finite number."""
    numbers: list[float | None] = []
    for text in header.texts(tag):
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            number = np.nan
        numbers.append(number if -1e300 < number < 1e300 else None)
    return numbers


def _windowed(values: np.ndarray, center: float, width: float, function: str) -> np.ndarray | None:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, scaled to 0 to 1; None for a width that is not allowed."""
    if function == "SIGMOID":
        if width <= 0:
            return None
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        if width <= 0:
            return None
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width < 1:
        return None
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _has_contrast(shown: np.ndarray, counts: np.ndarray) -> bool:
    """Whether the middle 98 % of the picture are more than one grey; True for a picture of one value."""
    below = np.cumsum(counts)
    low, high = np.searchsorted(below, (0.01 * below[-1], 0.99 * below[-1]))
    return high == low or bool(np.ptp(shown[low : high + 1]) > 1.5 / 255)


def _percentiles(values: np.ndarray, counts: np.ndarray, at: tuple[float, float] = PERCENTILES) -> tuple[float, float]:
    used = np.flatnonzero(counts)
    if not used.size:
        return 0.0, 1.0
    order = used[np.argsort(values[used], kind="stable")]
    below = np.cumsum(counts[order])
    low, high = (np.searchsorted(below, below[-1] * share / 100.0) for share in PERCENTILES)
    return float(values[order[low]]), float(values[order[min(high, order.size - 1)]])


def inversion(header: Header, image: ImagePixel) -> tuple[bool, bool]:
    """Whether low values are shown bright, and whether the header contradicts itself about it.

    PresentationLUTShape decides where present (PS3.3 C.11.6.1.2), else MONOCHROME1 (C.7.6.3.1.2). A
    MONOCHROME1 film has INVERSE and a MONOCHROME2 film IDENTITY (C.8.11.3.1); any other pair is doubtful.
    """
    by_photometric = image.photometric == "MONOCHROME1"
    shape = header.text(0x20500020)
    if shape not in ("IDENTITY", "INVERSE"):
        return by_photometric, False
    return shape == "INVERSE", (shape == "INVERSE") != by_photometric


def _luma(header: Header, stored: Stored) -> np.ndarray:
    """Colour to grey: Y of ITU-R BT.601, as in YBR_FULL (PS3.3 C.7.6.3.1.2)."""
    pixels = stored.pixels
    if pixels.dtype == np.uint16:
        pixels = full_byte(pixels)
    if stored.luma:
        return np.ascontiguousarray(pixels)
    if stored.ybr:
        return np.ascontiguousarray(pixels[..., 0])
    return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)


def full_byte(pixels: np.ndarray) -> np.ndarray:
    highest = int(pixels.max())
    shift = max(highest.bit_length() - 8, 0)
    return (pixels >> shift).astype(np.uint8)


def _palette(header: Header, image: ImagePixel, pixels: np.ndarray, compressed: bool) -> np.ndarray:
    """PALETTE COLOR: three tables to RGB (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6), then Y."""
    channels = []
    for descriptor_tag, data_tag in (
        (0x00281101, 0x00281201),
        (0x00281102, 0x00281202),
        (0x00281103, 0x00281203),
    ):
        descriptor = np.frombuffer(header.value(descriptor_tag)[:6], header.order + "u2")
        raw = header.value(data_tag)
        if descriptor.size < 3 or not raw:
            raise_missing_palette()
        count, first, bits = (int(number) for number in descriptor)
        count = count or 65_536
        packed = len(raw) < 2 * count
        data = np.frombuffer(raw, np.uint8 if packed else header.order + "u2", -1 if packed else len(raw) // 2)
        if not data.size:
            raise_missing_palette()
        wide = not packed and (bits == 16 or int(data.max()) > 255)
        bytes_ = (data[:count] >> 8 if wide else data[:count]).astype(np.uint8)
        entry = np.clip(value_range(image) - first, 0, bytes_.size - 1)
        channels.append(bytes_[entry])
    rgb = np.stack(channels, axis=-1)[None]
    index = _index(pixels.itemsize, image.stored, image.high, image.signed, compressed)
    return look_up(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[0][index], pixels)


def raise_missing_palette() -> None:
    from ...errors import UnreadableRadiograph

    raise UnreadableRadiograph("bad-header", "PALETTE COLOR without its tables")
