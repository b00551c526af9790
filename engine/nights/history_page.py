"""The history as one HTML page with plots: no script, no network, light and dark, in English and Spanish."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from html import escape
from itertools import pairwise
from pathlib import Path

from ..disk.overwrite import require_page
from ..disk.replace import replace_bytes
from .drift import ANOTHER, MOVED
from .look_back import RunEntry, by_night

BANDS = ("urgent", "review", "routine")
WIDTH, HEIGHT, LEFT, BOTTOM = 760, 150, 44, 18
MOST_BARS = 400  #: nights in a plot

WORDS = {
    "en": {
        "title": "xscan: nights", "night": "night", "films": "New films by band", "failed": "Failed films",
        "gate": "Share that the network may not decide on", "drift": "Drift of the scores (PSI)",
        "seconds": "Minutes taken", "urgent": "urgent", "review": "review", "routine": "routine",
        "none": "no runs yet", "nights": "{n} nights, {first} to {last}", "state": "state", "files": "files",
        "new": "new", "network": "network", "engine": "engine", "time": "minutes", "change": "another engine",
        "limits": "dashed: 0.1 moved, 0.25 another population", "missing": "no finished run", "table": "All runs",
        "note": "Counts are of films that were new in their night. No names: a list is shown by a hash.",
        "finished": "finished", "cut off": "cut off", "interrupted": "interrupted", "running": "running",
        "list": "list", "psi": "PSI",
    },
    "es": {
        "title": "xscan: noches", "night": "noche", "films": "Radiografías nuevas por grupo",
        "failed": "Radiografías fallidas", "gate": "Parte sobre la que la red no puede decidir",
        "drift": "Deriva de las puntuaciones (PSI)", "seconds": "Minutos empleados", "urgent": "urgente",
        "review": "revisar", "routine": "rutina", "none": "aún no hay ejecuciones",
        "nights": "{n} noches, del {first} al {last}", "state": "estado", "files": "archivos", "new": "nuevas",
        "network": "red", "engine": "motor", "time": "minutos", "change": "otro motor",
        "limits": "discontinua: 0,1 desplazada, 0,25 otra población", "missing": "sin ejecución terminada",
        "table": "Todas las ejecuciones", "list": "lista", "psi": "PSI",
        "note": "Se cuentan las radiografías nuevas de cada noche. Sin nombres: una lista se muestra por un hash.",
        "finished": "terminada", "cut off": "cortada", "interrupted": "interrumpida", "running": "en curso",
    },
}  # fmt: skip
WORDS["en"]["failed run"], WORDS["es"]["failed run"] = "failed", "fallida"

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;--card:#f6f8fa;
--urgent:#b3261e;--review:#8a5a00;--routine:#1f6f4a;--bar:#2f5f9e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--line:#3a434d;--paper:#0f1419;--card:#171d24;
--urgent:#ff8a80;--review:#e3b341;--routine:#5fc99a;--bar:#79b8ff}}
body{margin:0 auto;max-width:1700px;padding:1rem clamp(.75rem,2vw,2rem);font:1rem/1.45 system-ui,sans-serif;
color:var(--ink);background:var(--paper)}
h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1rem;margin:0 0 .4rem}p{color:var(--soft);margin:.2rem 0 1rem}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem}
figure{margin:0;padding:.8rem;border:1px solid var(--line);border-radius:.5rem;background:var(--card);min-width:0}
svg{display:block;width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.key{font-size:.85rem;color:var(--soft);margin:.3rem 0 0}.key i{display:inline-block;width:.8em;height:.8em;
margin:0 .3em 0 .9em}.wide{grid-column:1/-1;overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,td:first-child,.l{text-align:left}
@media print{main{display:block}figure{break-inside:avoid;margin-bottom:.6rem}}
"""


def write_page(entries: Sequence[RunEntry], out: Path, lang: str = "en") -> None:
    """Write the page of these runs. Raises OutputError, StorageError."""
    replace_bytes(out, render(list(entries), lang).encode(), require_page, private=True)


def render(entries: list[RunEntry], lang: str) -> str:
    """The page as text. lang: en or es."""
    t = WORDS[lang]
    nights = _Nights(by_night(entries))
    if not entries:
        body = f"<p>{escape(t['none'])}</p>"
    elif not nights.days:  # archives alone, or runs that did not finish
        body = f"<main>{_table(entries, t)}</main>"
    else:
        span = t["nights"].format(n=len(nights.days), first=nights.days[0], last=nights.days[-1])
        body = (
            f"<p>{escape(span)}. {escape(t['note'])}</p><main>{''.join(_plots(nights, t))}{_table(entries, t)}</main>"
        )
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(t['title'])}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(t['title'])}</h1>{body}</body></html>\n"
    )


class _Nights:
    """Every night from the first to the last, with its runs; one list's or several's are added up."""

    def __init__(self, entries: list[RunEntry]) -> None:
        self.runs: dict[str, list[RunEntry]] = {}
        for entry in entries:
            self.runs.setdefault(entry.night, []).append(entry)
        self.days: list[str] = []
        if self.runs:
            first, last = date.fromisoformat(min(self.runs)), date.fromisoformat(max(self.runs))
            days = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
            self.days = days[-MOST_BARS:]

    def values(self, of: Callable[[list[RunEntry]], float | None]) -> list[float | None]:
        return [of(self.runs[day]) if day in self.runs else None for day in self.days]

    def changes(self) -> list[int]:
        """Nights that another engine began with."""
        engines = [(i, self._engine(day)) for i, day in enumerate(self.days) if day in self.runs]
        return [i for (_, before), (i, now) in pairwise(engines) if before != now]

    def _engine(self, day: str) -> str:
        return " ".join(str(entry.facts.get("engine", {}).get("sha256", "")) for entry in self.runs[day])


def _plots(nights: _Nights, t: dict[str, str]) -> list[str]:
    bands = {band: nights.values(lambda runs, b=band: sum(run.count("bands", b) for run in runs)) for band in BANDS}
    failed = nights.values(lambda runs: sum(run.count("status", "failed") for run in runs))
    gate = nights.values(
        lambda runs: sum(run.count("status", "review") for run in runs) / max(sum(run.scored for run in runs), 1)
    )
    drift = nights.values(lambda runs: max((run.drift for run in runs if run.drift is not None), default=None))
    minutes = nights.values(lambda runs: sum(run.seconds for run in runs) / 60)
    plain = "var(--bar)"
    return [
        _figure(t["films"], _bars(nights, [(t[b], f"var(--{b})", v) for b, v in bands.items()], t), _key(t)),
        _figure(t["drift"], _bars(nights, [(t["psi"], plain, drift)], t, lines=(MOVED, ANOTHER)), t["limits"]),
        _figure(t["failed"], _bars(nights, [(t["failed"], "var(--urgent)", failed)], t)),
        _figure(t["gate"], _bars(nights, [(t["gate"], plain, gate)], t)),
        _figure(t["seconds"], _bars(nights, [(t["seconds"], plain, minutes)], t)),
    ]


def _figure(title: str, plot: str, below: str = "") -> str:
    below = below if below.startswith("<") else escape(below)
    return f'<figure><h2>{escape(title)}</h2>{plot}<div class="key">{below}</div></figure>'


def _key(t: dict[str, str]) -> str:
    return "".join(f'<i style="background:var(--{band})"></i>{escape(t[band])}' for band in BANDS)


def _bars(
    nights: _Nights,
    series: list[tuple[str, str, list[float | None]]],
    t: dict[str, str],
    lines: Sequence[float] = (),
) -> str:
    """Stacked bars, one a night; a night without a finished run is a mark below the line."""
    days = nights.days
    heights = [sum(values[i] or 0 for _, _, values in series) for i in range(len(days))]
    top = max([*heights, *lines, 1e-9]) * 1.08
    step = (WIDTH - LEFT) / len(days)
    base = HEIGHT - BOTTOM

    def y(value: float) -> float:
        return base - value / top * (base - 8)

    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{base}" y2="{base}" stroke="var(--line)"/>',
        f'<text x="{LEFT - 5}" y="{y(top / 1.08):.1f}" text-anchor="end" dominant-baseline="middle">'
        f"{_short(top / 1.08)}</text>",
        f'<text x="{LEFT - 5}" y="{base}" text-anchor="end">0</text>',
    ]
    for i, day in enumerate(days):
        x, under = LEFT + i * step, 0.0
        if all(values[i] is None for _, _, values in series):
            parts.append(
                f"<g><title>{day}: {escape(t['missing'])}</title>"
                f'<path d="M{x + step * 0.2:.1f} {base + 3}h{step * 0.6:.1f}"'
                ' stroke="var(--urgent)" stroke-width="4"/></g>'
            )
            continue
        for name, colour, values in series:
            value = values[i] or 0
            if value > 0:
                parts.append(
                    f'<rect x="{x + step * 0.1:.1f}" y="{y(under + value):.1f}" width="{step * 0.8:.1f}"'
                    f' height="{y(under) - y(under + value):.1f}" fill="{colour}">'
                    f"<title>{day}: {escape(name)} {_short(value)}</title></rect>"
                )
            under += value
    for value in lines:
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="var(--soft)"'
            ' stroke-dasharray="5 4"/>'
        )
    for i in nights.changes():
        parts.append(
            f"<g><title>{days[i]}: {escape(t['change'])}</title>"
            f'<line x1="{LEFT + i * step:.1f}" x2="{LEFT + i * step:.1f}"'
            f' y1="4" y2="{base}" stroke="var(--ink)" stroke-dasharray="2 3"/></g>'
        )
    every = max(1, -(-len(days) // 8))
    for i in range(0, len(days), every):
        parts.append(f'<text x="{LEFT + (i + 0.1) * step:.1f}" y="{HEIGHT - 3}">{days[i][5:]}</text>')
    label = escape(", ".join(name for name, _, _ in series), quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2f}"


def _table(entries: list[RunEntry], t: dict[str, str]) -> str:
    heads = [t[n] for n in ("night", "list", "state", "files", "new", *BANDS)]
    heads += [t[n] for n in ("failed", "psi", "time", "network", "engine")]
    rows = []
    for entry in reversed(entries):
        state = t.get("failed run" if entry.state == "failed" else entry.state, entry.state)
        psi = "" if entry.drift is None else f"{entry.drift:.2f}"
        cells = [entry.night, entry.key[:8], state + (f" ({entry.kind})" if entry.kind != "batch" else "")]
        cells += [entry.facts.get("files", ""), entry.scored, *(entry.count("bands", band) for band in BANDS)]
        engine = entry.facts.get("engine", {})
        cells += [entry.count("status", "failed"), psi, f"{entry.seconds / 60:.1f}", entry.facts.get("network", "")]
        cells += [f"{engine.get('name', '')} {engine.get('sha256', '')[:8]}"]
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        f'<figure class="wide" tabindex="0"><h2>{escape(t["table"])}</h2>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></figure>"
    )
