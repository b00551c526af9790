"""Count the rooms of the code and what imports what; draw docs/rooms.svg and write the table of docs/architecture.md.

    python scripts/rooms_drawing.py             # counts only
    python scripts/rooms_drawing.py --write     # and the drawing and the table anew
    python scripts/rooms_drawing.py --root ELSEWHERE    # counts of another checkout

A room is what stands directly in cli, training, calibration or engine: a folder, or a file that is not in one. A floor
is the longest way down from a room; an arrow is at least one import of one room in another, of types alone too; an
arrow upward is one of the fewest that must go so that no circle is left. The drawing leaves out an arrow that others
make good: where a imports b and b imports c, a may import c as well. Needs grimp, which comes with import-linter.
"""

import argparse
import ast
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp
from rooms import lay

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("cli", "training", "calibration", "engine")  #: each may import those after it
DRAWING, PAGE = "docs/rooms.svg", "docs/architecture.md"
BEGIN, END = "<!-- rooms: made by scripts/rooms_drawing.py -->", "<!-- end of rooms -->"
Arrow = tuple[str, str]


@dataclass(frozen=True)
class Part:
    """One of the four folders."""

    name: str
    rooms: tuple[str, ...]
    arrows: frozenset[Arrow]  #: importer, imported
    upward: frozenset[Arrow]

    @property
    def floors(self) -> list[list[str]]:
        """Rooms by floor, the lowest first."""
        below = _below(self.arrows - self.upward)
        height: dict[str, int] = {}

        def measure(room: str) -> int:
            if room not in height:
                height[room] = 1 + max((measure(other) for other in below[room]), default=-1)
            return height[room]

        for room in self.rooms:
            measure(room)
        floors = max(height.values(), default=-1) + 1
        return [sorted(room for room in self.rooms if height[room] == floor) for floor in range(floors)]

    @property
    def circles(self) -> list[list[str]]:
        """Rooms that reach themselves, by circle."""
        reach = {room: _reached(room, _below(self.arrows)) for room in self.rooms}
        found = {tuple(sorted(o for o in reach[r] if r in reach[o])) for r in self.rooms if r in reach[r]}
        return [list(circle) for circle in sorted(found)]

    @property
    def drawn(self) -> list[Arrow]:
        """Arrows that no other way makes good."""
        below = _below(self.arrows - self.upward)
        long = {(a, c) for a in self.rooms for b in below[a] for c in _reached(b, below)}
        return sorted(self.arrows - self.upward - long) + sorted(self.upward)


def read_house(root: Path) -> tuple[list[Part], dict[Arrow, int]]:
    """The four parts, and how many imports lead from one to another."""
    with tempfile.TemporaryDirectory() as folder:
        lay(root, Path(folder))
        sys.path.insert(0, f"{folder}/rooms")
        try:
            graph = grimp.build_graph(*(f"xscan.{name}" for name in HOUSE), cache_dir=None)
        finally:
            sys.path.remove(f"{folder}/rooms")
    arrows: dict[str, set[Arrow]] = defaultdict(set)
    between: dict[Arrow, int] = defaultdict(int)
    for importer in sorted(graph.modules):
        for imported in graph.find_modules_directly_imported_by(importer):
            (_, here, *down), (_, there, *down_there) = importer.split("."), imported.split(".")
            if here != there:
                between[here, there] += 1
            elif down and down_there and down[0] != down_there[0]:
                arrows[here].add((down[0], down_there[0]))
    parts = []
    for name in HOUSE:
        rooms = sorted(module.rsplit(".", 1)[1] for module in graph.find_children(f"xscan.{name}"))
        breakers = graph.nominate_cycle_breakers(f"xscan.{name}")
        upward = {(a.split(".")[2], b.split(".")[2]) for a, b in breakers}
        parts.append(Part(name, tuple(rooms), frozenset(arrows[name]), frozenset(upward & arrows[name])))
    return parts, dict(between)


def counts(parts: Iterable[Part]) -> str:
    lines = [f"{'':12}{'rooms':>7}{'floors':>8}{'arrows':>8}{'upward':>8}{'circles':>9}"]
    for part in parts:
        figures = (len(part.rooms), len(part.floors), len(part.arrows), len(part.upward), len(part.circles))
        lines.append(f"{part.name:12}" + "".join(f"{n:>{w}}" for n, w in zip(figures, (7, 8, 8, 8, 9), strict=True)))
        lines += [f"  upward: {a} imports {b}" for a, b in sorted(part.upward)]
        lines += [f"  circle: {', '.join(circle)}" for circle in part.circles]
    return "\n".join(lines)


def table(parts: Iterable[Part], root: Path) -> str:
    """The rooms with the first line of what each says of itself, from the top down."""
    lines = []
    for part in parts:
        lines += [f"**{part.name}/**: {_says(root / part.name)}", "", "| room | |", "|---|---|"]
        for floor in reversed(part.floors):
            for room in floor:
                folder = root / part.name / room
                link = f"../{part.name}/{room}{'' if folder.is_dir() else '.py'}"
                lines.append(
                    f"| [`{room}`]({link}) | {_says(folder if folder.is_dir() else folder.with_suffix('.py'))} |"
                )
        lines.append("")
    return "\n".join(lines)


def drawing(parts: list[Part], between: dict[Arrow, int]) -> str:
    """The rooms as SVG: an arrow points from a room to one that it imports."""
    high, gap, margin, width = 26, 30, 14, 1000
    shapes: list[str] = []
    top = margin
    for part in parts:
        floors = part.floors[::-1]
        inside = len(floors) * (high + gap) - gap + 2 * margin + 18
        shapes.append(f'<rect class="part" x="{margin}" y="{top}" width="{width - 2 * margin}" height="{inside}"/>')
        onward = ", ".join(name for name in HOUSE if (part.name, name) in between)
        label = f"{part.name}/" + (f" imports {onward}" if onward else "")
        shapes.append(f'<text class="name" x="{2 * margin}" y="{top + 18}">{escape(label)}</text>')
        places: dict[str, tuple[float, float, float]] = {}  # middle, upper edge, width
        for level, floor in enumerate(floors):
            y = top + margin + 18 + level * (high + gap)
            step = (width - 4 * margin) / len(floor)
            for place, room in enumerate(floor):
                places[room] = (2 * margin + step * (place + 0.5), y, min(8.0 * len(room) + 22, step - 6))
        for importer, imported in part.drawn:
            (x1, y1, _), (x2, y2, _) = places[importer], places[imported]
            kind = "up" if (importer, imported) in part.upward else "down"
            start, end = y1 + high, y2 - 4
            bend = (end - start) / 2
            shapes.append(
                f'<path class="{kind}" d="M{x1:.1f} {start} C{x1:.1f} {start + bend:.1f} {x2:.1f} {end - bend:.1f} '
                f'{x2:.1f} {end}" marker-end="url(#tip)"/>'
            )
        for room, (x, y, wide) in places.items():
            shapes.append(
                f'<rect class="room" x="{x - wide / 2:.1f}" y="{y}" width="{wide:.1f}" height="{high}" rx="5"/>'
            )
            shapes.append(f'<text x="{x:.1f}" y="{y + 17}" text-anchor="middle">{escape(room)}</text>')
        top += inside + margin
    style = (
        "text{font:13px system-ui,sans-serif;fill:#16202b}.name{font-weight:600}.part{fill:#f4f5f7;stroke:#d8dde3}"
        ".room{fill:#fff;stroke:#1c66c0}.down{fill:none;stroke:#5a6878;stroke-width:1.1}"
        ".up{fill:none;stroke:#b3201f;stroke-width:2}"
    )
    tip = '<marker id="tip" markerWidth="8" markerHeight="8" refX="5" refY="4" orient="auto">'
    tip += '<path d="M0 1 6 4 0 7z"/></marker>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" role="img">\n'
        f"<title>The rooms of xscan and what imports what</title>\n<style>{style}</style>\n<defs>{tip}</defs>\n"
        f'<rect width="{width}" height="{top}" fill="#fff"/>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def page_with(text: str, rooms: str) -> str:
    """docs/architecture.md with the table between its two marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{rooms}\n{END}{rest.split(END)[1]}"


def _below(arrows: Iterable[Arrow]) -> dict[str, set[str]]:
    below: dict[str, set[str]] = defaultdict(set)
    for importer, imported in arrows:
        below[importer].add(imported)
    return below


def _reached(start: str, below: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = below[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _says(place: Path) -> str:
    file = place / "__init__.py" if place.is_dir() else place
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def main() -> None:
    parser = argparse.ArgumentParser(description="Count and draw the rooms of the code.")
    parser.add_argument("--root", type=Path, default=ROOT, help="a checkout of xscan")
    parser.add_argument("--write", action="store_true", help=f"write {DRAWING} and the table of {PAGE}")
    options = parser.parse_args()
    root = options.root.resolve()
    parts, between = read_house(root)
    print(counts(parts))
    for (here, there), number in sorted(between.items()):
        print(f"{number} imports of {there} in {here}" + ("  UPWARD" if HOUSE.index(there) < HOUSE.index(here) else ""))
    if options.write:
        (root / DRAWING).write_text(drawing(parts, between), encoding="utf-8", newline="\n")
        page = root / PAGE
        page.write_text(page_with(page.read_text(encoding="utf-8"), table(parts, root)), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
