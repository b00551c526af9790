"""A report as one HTML file that needs nothing else: headings, tables, plots and small pictures inside it."""

import base64
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from xscan.engine.disk.overwrite import GENERATOR, made_here
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light; --ink: #16202b; --soft: #5a6878; --line: #d8dde3; --edge: #1c66c0; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1240px; color: var(--ink); background: #f4f5f7;
  font: 14px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 0 0 10px; }
p { margin: 0 0 4px; color: var(--soft); max-width: 95ch; }
.warn { color: var(--ink); border-left: 4px solid #b3201f; background: #fbe4e2; padding: 7px 12px; margin: 10px 0; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin-top: 14px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 3px 14px 3px 0; text-align: right; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; margin: 0; } tr.marked { background: #eef5ee; }
.plots, .sheet { display: flex; flex-wrap: wrap; gap: 14px; }
.plots svg { max-width: 100%; height: auto; }
figure { margin: 0; width: 192px; } figure img { width: 192px; height: 192px; object-fit: contain; background: #000; }
figcaption { font-size: 12px; overflow-wrap: anywhere; }
"""


@dataclass
class Page:
    """Fill it from top to bottom, then `write`. All text is escaped."""

    title: str
    parts: list[str] = field(default_factory=list)

    def text(self, *lines: str, warn: bool = False) -> None:
        self.parts += [f'<p class="warn">{escape(x)}</p>' if warn else f"<p>{escape(x)}</p>" for x in lines]

    def lines(self, text: str) -> None:
        """As it would stand on a terminal."""
        self.parts.append(f"<section><pre>{escape(text)}</pre></section>")

    def table(self, title: str, rows: Sequence[Sequence[str]], marked: Collection[int] = ()) -> None:
        """The first row is the head. marked: rows of the body that stand out, counted from 0."""
        head, *body = ["".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) for tag, row in _tagged(rows)]
        opened = ('<tr class="marked">' if i in marked else "<tr>" for i in range(len(body)))
        lines = "".join(f"{start}{row}</tr>" for start, row in zip(opened, body, strict=True))
        inside = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        self._section(title, f'<div class="scroll">{inside}</div>')

    def plots(self, title: str, figures: Sequence["Figure"], note: str = "") -> None:
        inside = "".join(_svg(figure, f"{len(self.parts)}-{i}") for i, figure in enumerate(figures))
        self._section(title, f"<p>{escape(note)}</p>" * bool(note) + f'<div class="plots">{inside}</div>')

    def sheet(self, title: str, pictures: Sequence[tuple[bytes, str]], note: str = "") -> None:
        """pictures: JPEG (empty: none) and what stands below it."""
        inside = "".join(
            f"<figure>{_image(jpeg)}<figcaption>{escape(below)}</figcaption></figure>" for jpeg, below in pictures
        )
        self._section(title, f"<p>{escape(note)}</p>" * bool(note) + f'<div class="sheet">{inside}</div>')

    def write(self, path: Path, check: Callable[[Path], None] | None = None) -> None:
        """Replaces an older page only when it is whole. Raises OutputError.

        check: of what may be replaced; without it, a page that xscan made.
        """
        title = escape(self.title)
        content = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{GENERATOR}<title>{title}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1>\n" + "\n".join(self.parts) + "\n</body></html>\n"
        )
        replace_bytes(path, content.encode("utf-8", "replace"), check or require_own_page)

    def _section(self, title: str, inside: str) -> None:
        self.parts.append(f"<section><h2>{escape(title)}</h2>{inside}</section>")


def plot(across: str, up: str, title: str = "") -> "tuple[Figure, Axes]":
    """An empty plot of the size that three of fit beside each other. Needs matplotlib, and no window system."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    return figure, axes


require_own_page = made_here("page", b"<!doctype html>", GENERATOR.encode())


def require_page(path: Path) -> None:
    """Say so before minutes of work when a page cannot be made.

    Raises OutputError for its place, ModuleNotFoundError where there is no matplotlib.
    """
    import matplotlib as matplotlib

    if path.is_dir() or not path.resolve().parent.is_dir():
        raise OutputError(f"cannot write {path}: name a file in a folder that is there")
    require_own_page(path)


def require_folder(folder: Path) -> None:
    """The same for a folder of figures, which is made."""
    import matplotlib as matplotlib

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise OutputError(f"cannot make the folder {folder}: check its name and permissions") from None


def _tagged(rows: Sequence[Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    return [("th" if i == 0 else "td", row) for i, row in enumerate(rows)]


def _image(jpeg: bytes) -> str:
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">' if jpeg else ""


def _svg(figure: "Figure", salt: str) -> str:
    """The plot as an element; text stays text. salt: keeps the ids of two plots of a page apart."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}), BytesIO() as stream:
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        text = stream.getvalue().decode()
    return text[text.index("<svg") :]
