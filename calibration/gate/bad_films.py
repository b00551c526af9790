"""Bad acquisitions, made from good films in memory: what the gate is fitted and measured on.

Each kind is one function of (film, random generator): uint8 [rows, columns] to uint8 of any size. They stand for
the mistakes that a night's export really holds; a film is never written anywhere.
"""

from collections.abc import Callable

import cv2
import numpy as np

Maker = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def inverted(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Polarity the wrong way round."""
    return 255 - film


def quarter_turn(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotated by 90 degrees, either way."""
    return np.ascontiguousarray(np.rot90(film, int(rng.choice([1, 3]))))


def upside_down(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotated by 180 degrees, or flipped."""
    return np.ascontiguousarray(np.rot90(film, 2) if rng.random() < 0.7 else film[::-1])


def cut_off(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A film that shows about half of the chest: upper, lower, left or right."""
    return _part(film, int(rng.integers(4)), rng)


def collimated(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shutters over about half of the chest: black there."""
    return _shut(film, int(rng.integers(4)), rng)


def uniform(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Next to nothing on it: an unexposed or fogged plate."""
    level, spread = rng.integers(5, 250), rng.uniform(0, 3)
    return np.clip(rng.normal(level, spread, film.shape), 0, 255).astype(np.uint8)


def overexposed(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Burnt out: most of the chest is black."""
    return np.clip(film.astype(np.float32) * rng.uniform(1.2, 2) - rng.uniform(190, 260), 0, 255).astype(np.uint8)


def underexposed(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Too little dose, or a wrong window: most of the chest is white."""
    return np.clip(film.astype(np.float32) * rng.uniform(1.2, 2) + rng.uniform(110, 180), 0, 255).astype(np.uint8)


def noise(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise, fine or coarse."""
    cells = int(rng.choice([12, 24, 64, film.shape[0]]))
    return cv2.resize(rng.integers(0, 256, (cells, cells), dtype=np.uint8), film.shape[::-1])


def text_page(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scanned page of text: an order form, a report."""
    rows, columns = film.shape
    page = np.full((rows, columns), int(rng.integers(225, 256)), np.uint8)
    size = rng.uniform(0.25, 0.5) * rows / 224
    step = max(6, round(30 * size))
    for y in range(step, rows - step // 2, step):
        if rng.random() < 0.85:
            _write(
                page, _words(rng, int(rng.integers(2, 7))), (round(columns * 0.06), y), size, int(rng.integers(0, 70))
            )
    return 255 - page if rng.random() < 0.3 else page


def texture(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A natural texture: noise whose power falls with frequency as in photographs."""
    rows, columns = film.shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None, :])
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(rng.normal(size=(rows, columns))) / frequency ** rng.uniform(0.7, 1.5)
    picture = np.real(np.fft.ifft2(spectrum))
    low, high = np.percentile(picture, (1, 99))
    return np.clip((picture - low) / (high - low) * 255, 0, 255).astype(np.uint8)


def text_over_lungs(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lines of annotation burnt in over the lungs."""
    marked = film.copy()
    rows, columns = film.shape
    size = rng.uniform(0.45, 0.8) * rows / 224
    top = rng.uniform(0.25, 0.5)
    for line in range(int(rng.integers(2, 5))):
        at = (round(columns * rng.uniform(0.12, 0.3)), round(rows * (top + 0.11 * line)))
        _write(marked, _words(rng, 3), at, size, int(rng.integers(245, 256)), max(1, round(rows / 224)))
    return marked


#: All kinds, as they are measured.
KINDS: dict[str, Maker] = {
    "inverted": inverted,
    "quarter-turn": quarter_turn,
    "upside-down": upside_down,
    "cut-off": cut_off,
    "collimated": collimated,
    "uniform": uniform,
    "overexposed": overexposed,
    "underexposed": underexposed,
    "noise": noise,
    "text-page": text_page,
    "texture": texture,
    "text-over-lungs": text_over_lungs,
}


#: What the network's gate learns: name, the reason's code, the films. Sides apart, so that each is one direction.
LEARNED: dict[str, tuple[str, Maker]] = {
    "inverted": ("inverted", inverted),
    "turned-left": ("rotated", lambda film, rng: np.ascontiguousarray(np.rot90(film, 1))),
    "turned-right": ("rotated", lambda film, rng: np.ascontiguousarray(np.rot90(film, 3))),
    "half-turn": ("upside-down", lambda film, rng: np.ascontiguousarray(np.rot90(film, 2))),
    "flipped": ("upside-down", lambda film, rng: np.ascontiguousarray(film[::-1])),
    "upper-part": ("cut-off", lambda film, rng: _part(film, 0, rng)),
    "lower-part": ("cut-off", lambda film, rng: _part(film, 1, rng)),
    "left-part": ("cut-off", lambda film, rng: _part(film, 2, rng)),
    "right-part": ("cut-off", lambda film, rng: _part(film, 3, rng)),
    "shuttered": ("cut-off", collimated),
    "overexposed": ("exposure", overexposed),
    "underexposed": ("exposure", underexposed),
    "text-page": ("out-of-domain", text_page),
    "texture": ("out-of-domain", texture),
    "text-over-lungs": ("burnt-in-text", text_over_lungs),
}


def varied(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A film as another device, technologist or export might have made it; mirrored half of the time.

    Turned, shifted, zoomed and stretched a little; another curve and contrast; sharper, blurred or of a lower
    resolution; grain; the traces of JPEG. What is learned of films so changed cannot lean on how their source looks.
    """
    rows, columns = film.shape
    zoom, stretch = rng.uniform(0.9, 1.1), np.exp(rng.uniform(-0.1, 0.1))
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), rng.uniform(-8, 8), zoom)
    turn = np.diag([stretch, 1 / stretch]) @ turn
    turn[:, 2] += (columns / 2 * (1 - stretch), rows / 2 * (1 - 1 / stretch))
    turn[:, 2] += rng.uniform(-0.04, 0.04, 2) * (columns, rows)
    changed = cv2.warpAffine(film, turn, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    curve = (np.arange(256) / 255) ** np.exp(rng.uniform(-0.35, 0.35)) - 0.5
    curve = 255 * (0.5 + curve * np.exp(rng.uniform(-0.2, 0.2))) + rng.uniform(-12, 12)
    changed = _as_sharp(cv2.LUT(changed, np.clip(curve, 0, 255).astype(np.uint8)), rng)
    if rng.random() < 0.3:
        changed = np.clip(changed + rng.normal(0, rng.uniform(1, 5), changed.shape), 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        _, jpeg = cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        changed = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE))
    return np.ascontiguousarray(changed[:, ::-1]) if rng.random() < 0.5 else changed


def _as_sharp(film: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurred, sharpened or of a lower resolution; as it is three times out of ten."""
    rows, columns = film.shape
    chance, pixel = rng.random(), rows / 224
    if chance < 0.3:
        return film
    if chance < 0.6:
        return cv2.GaussianBlur(film, (0, 0), rng.uniform(0.4, 1.2) * pixel)
    if chance < 0.8:
        more = rng.uniform(0.3, 1.2)
        return cv2.addWeighted(film, 1 + more, cv2.GaussianBlur(film, (0, 0), pixel), -more, 0)
    small = cv2.resize(film, None, fx=(share := rng.uniform(0.3, 0.7)), fy=share, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)


def _part(film: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Upper, lower, left or right part."""
    rows, columns = film.shape
    share = rng.uniform(0.42, 0.58)
    r, c = round(rows * share), round(columns * share)
    return np.ascontiguousarray((film[:r], film[rows - r :], film[:, :c], film[:, columns - c :])[side])


def _shut(film: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = film.shape
    share = rng.uniform(0.42, 0.58)
    r, c = round(rows * share), round(columns * share)
    shut = film.copy()
    (shut[r:], shut[: rows - r], shut[:, c:], shut[:, : columns - c])[side][...] = int(rng.integers(0, 12))
    return shut


def _write(page: np.ndarray, text: str, at: tuple[int, int], size: float, grey: int, width: int = 1) -> None:
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (grey,), width, cv2.LINE_AA)


def _words(rng: np.random.Generator, count: int) -> str:
    letters = "ABCDEFGHIKLMNOPRSTUVWabcdefghiklmnoprstuvw0123456789"
    return " ".join("".join(rng.choice(list(letters), int(rng.integers(2, 8)))) for _ in range(count))
