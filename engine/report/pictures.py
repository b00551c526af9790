"""The small pictures of the morning page: made where a film is read, kept on disk until the page is written."""

import base64
import sqlite3
from dataclasses import dataclass

import cv2
import numpy as np

SIDE = 192  #: pixels of a picture's longer side
QUALITY = 62  #: of its JPEG: some 4 KB a film
EVIDENCE = 8.0  #: logits that stand for the strongest colour of a class map; fixed, so that films compare


@dataclass(frozen=True, slots=True)
class Picture:
    jpeg: bytes
    map: str = ""  #: as `encode_map` gives it; '' where the network has no class maps

    def line(self) -> str:
        """One line of the page's picture blocks."""
        return f"{base64.b64encode(self.jpeg).decode()} {self.map}"


def small_copy(grey: np.ndarray) -> bytes:
    """A JPEG of a film for the page. grey: uint8 [rows, columns]."""
    rows, columns = grey.shape
    scale = min(1.0, SIDE / max(rows, columns))
    if scale < 1:
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    return jpeg.tobytes()


def encode_map(maps: np.ndarray, temperature: float) -> str:
    """Evidence for pneumonia by place, as text: `5x5:` and two hexadecimal digits a place, rows from the top.

    maps: float [height, width, 3], the class maps of one film. 0x80 is no evidence either way, 0xFF is
    EVIDENCE logits or more for pneumonia.
    """
    scaled = np.asarray(maps, np.float64) / temperature
    evidence = np.logaddexp(scaled[..., 1], scaled[..., 2]) - scaled[..., 0]
    levels = np.clip(128 + 127 * evidence / EVIDENCE, 1, 255).round().astype(np.uint8)
    height, width = levels.shape
    return f"{width}x{height}:{levels.tobytes().hex()}"


class Spool:
    """Pictures of a run by their file. Use as a context manager.

    A temporary SQLite database, which goes to disk when it grows and vanishes with the process: memory does
    not depend on the number of films, and no picture is left behind.
    """

    def __enter__(self) -> "Spool":
        self._store = sqlite3.connect("")
        self._store.execute("CREATE TABLE picture (file TEXT PRIMARY KEY, jpeg BLOB, map TEXT) WITHOUT ROWID")
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def put(self, file: str, picture: Picture) -> None:
        self._store.execute("INSERT OR REPLACE INTO picture VALUES (?, ?, ?)", (file, picture.jpeg, picture.map))

    def get(self, file: str) -> Picture | None:
        found = self._store.execute("SELECT jpeg, map FROM picture WHERE file = ?", (file,)).fetchone()
        return Picture(*found) if found else None
