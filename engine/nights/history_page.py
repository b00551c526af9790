"""The history as one HTML page with plots: no script, no network, light and dark, in English and Spanish."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from html import escape
from itertools import pairwise
from pathlib import Path

from ..disk.overwrite import GENERATOR, require_page
from ..disk.replace import replace_bytes
from .look_back import Drift, RunEntry, by_night, drifts_of

BANDS = ("urgent", "review", "routine")
WIDTH, HEIGHT, LEFT, BOTTOM = 760, 156, 48, 24
MOST_BARS = 400  #: nights in a plot

WORDS = {
    "en": {
        "title": "xscan: nights", "night": "night", "films": "New films by band", "failed": "Failed films",
        "gate": "Doubtful: the network may not decide", "drift": "Drift of the scores against earlier nights",
        "seconds": "Minutes taken", "urgent": "urgent", "review": "review", "routine": "routine",
        "none": "no runs yet", "nights": "{n} nights, {first} to {last}",
        "one": "1 night, {first}", "state": "state", "files": "files",
        "new": "new", "network": "network", "engine": "engine", "time": "minutes", "change": "another engine",
        "limits": "stability index (PSI); line: its limit, red: over it; no bar: too few earlier films",
        "missing": "no finished run", "table": "All runs", "last": "Last night: {night}", "doubtful": "doubtful",
        "marks": "red below the line: no finished run; dotted: another engine", "fails": "failed",
        "note": "Counts are of films that were new in their night. No names: a list is shown by a hash.",
        "finished": "finished", "cut off": "cut off", "interrupted": "interrupted", "running": "running",
        "list": "list", "psi": "PSI",
    },
    "es": {
        "title": "xscan: noches", "night": "noche", "films": "Radiografías nuevas por grupo",
        "failed": "Radiografías fallidas", "gate": "Dudosas: la red no puede decidir",
        "drift": "Deriva de las puntuaciones frente a otras noches", "seconds": "Minutos empleados",
        "urgent": "urgente",
        "review": "revisar", "routine": "rutina", "none": "aún no hay ejecuciones",
        "nights": "{n} noches, del {first} al {last}", "one": "1 noche, {first}",
        "state": "estado", "files": "archivos", "new": "nuevas",
        "network": "red", "engine": "motor", "time": "minutos", "change": "otro motor",
        "limits": "índice de estabilidad (PSI); línea: su límite, rojo: por encima; sin barra: pocas anteriores",
        "missing": "sin ejecución terminada", "last": "Última noche: {night}", "doubtful": "dudosas",
        "marks": "rojo bajo la línea: sin ejecución terminada; punteado: otro motor", "fails": "fallidas",
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
svg{display:block;width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
@media(max-width:640px){svg text{font-size:19px}}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem .8rem;margin:0}
dt{font-size:.85rem;color:var(--soft)}dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}
.over{color:var(--urgent)}
.key{font-size:.85rem;color:var(--soft);margin:.3rem 0 0}.key i{display:inline-block;width:.8em;height:.8em;
margin:0 .3em 0 .9em}.wide{grid-column:1/-1;overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid var(--line)}
th:nth-child(-n+3),td:nth-child(-n+3),th:nth-last-child(-n+2),td:nth-last-child(-n+2){text-align:left}
@media print{main{display:block}figure{break-inside:avoid;margin-bottom:.6rem}}
"""


def write_page(entries: Sequence[RunEntry], out: Path, lang: str = "en", since: str = "") -> None:
    """Write the page of these runs. since: the first night that is shown; drift is held against earlier ones, too.

    Raises OutputError, StorageError.
    """
    replace_bytes(out, render(list(entries), lang, since).encode(), require_page, private=True)


def render(entries: list[RunEntry], lang: str, since: str = "") -> str:
    """The page as text. lang: en or es."""
    t = WORDS[lang]
    known = by_night(entries)
    entries = [entry for entry in entries if entry.night >= since]
    nights = _Nights([entry for entry in known if entry.night >= since], known)
    if not entries:
        body = f"<p>{escape(t['none'])}</p>"
    elif not nights.days:  # archives alone, or runs that did not finish
        body = f"<main>{_table(entries, t)}</main>"
    else:
        span = t["nights" if len(nights.days) > 1 else "one"].format(
            n=len(nights.days), first=nights.days[0], last=nights.days[-1]
        )
        body = (
            f"<p>{escape(span)}. {escape(t['note'])} {escape(t['marks'].capitalize())}.</p>"
            f"<main>{_last(nights, t)}{''.join(_plots(nights, t))}{_table(entries, t)}</main>"
        )
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        f"{GENERATOR}"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(t['title'])}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(t['title'])}</h1>{body}</body></html>\n"
    )


class _Nights:
    """Every night from the first to the last, with its runs; one list's or several's are added up."""

    def __init__(self, entries: list[RunEntry], known: list[RunEntry]) -> None:
        self.drifts: dict[str, Drift] = {}  #: of a night's lists the one that is furthest over its limit
        for entry, drift in zip(entries, drifts_of(entries, known), strict=True):
            other = self.drifts.get(entry.night)
            if drift.psi is not None and (other is None or _over(drift) > _over(other)):
                self.drifts[entry.night] = drift
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


def _over(drift: Drift) -> float:
    return (drift.psi or 0.0) / drift.limit


def _last(nights: _Nights, t: dict[str, str]) -> str:
    """The last night in figures."""
    day = nights.days[-1]
    runs = nights.runs[day]
    scored = sum(run.scored for run in runs)
    doubtful = sum(run.count("status", "review") for run in runs)
    failed = sum(run.count("status", "failed") for run in runs)
    pairs = [(t["new"], str(scored), "")]
    pairs += [(t[band], str(sum(run.count("bands", band) for run in runs)), "") for band in BANDS]
    pairs += [(t["fails"], str(failed), "over" if failed else "")]
    pairs += [(t["doubtful"], f"{doubtful} ({_percent(doubtful / max(scored, 1))})", "")]
    if drift := nights.drifts.get(day):
        pairs += [(t["psi"], f"{drift.psi:.2f} / {drift.limit:.2f}", "over" if _over(drift) > 1 else "")]
    pairs += [(t["time"], f"{sum(run.seconds for run in runs) / 60:.1f}", "")]
    networks = dict.fromkeys(str(run.facts.get("network", "")) for run in runs)
    pairs += [(t["network"], ", ".join(networks), "")]
    cells = [f'<div><dt>{escape(n)}</dt><dd class="{how}">{escape(said)}</dd></div>' for n, said, how in pairs]
    return f"<figure><h2>{escape(t['last'].format(night=day))}</h2><dl>{''.join(cells)}</dl></figure>"


def _plots(nights: _Nights, t: dict[str, str]) -> list[str]:
    bands = {band: nights.values(lambda runs, b=band: sum(run.count("bands", b) for run in runs)) for band in BANDS}
    failed = nights.values(lambda runs: sum(run.count("status", "failed") for run in runs))
    gate = nights.values(
        lambda runs: sum(run.count("status", "review") for run in runs) / max(sum(run.scored for run in runs), 1)
    )
    drifts = [nights.drifts.get(day) for day in nights.days]
    within = [drift.psi if drift and _over(drift) <= 1 else None for drift in drifts]
    over = [drift.psi if drift and _over(drift) > 1 else None for drift in drifts]
    limits = [drift.limit if drift else None for drift in drifts]
    minutes = nights.values(lambda runs: sum(run.seconds for run in runs) / 60)
    plain = "var(--bar)"
    return [
        _figure(t["films"], _bars(nights, [(t[b], f"var(--{b})", v) for b, v in bands.items()], t), _key(t)),
        _figure(
            t["drift"],
            _bars(nights, [(t["psi"], plain, within), (t["psi"], "var(--urgent)", over)], t, limits=limits),
            t["limits"],
        ),
        _figure(t["failed"], _bars(nights, [(t["failed"], "var(--urgent)", failed)], t)),
        _figure(t["gate"], _bars(nights, [(t["gate"], plain, gate)], t, show=_percent)),
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
    limits: Sequence[float | None] = (),
    show: Callable[[float], str] = lambda value: _short(value),
) -> str:
    """Stacked bars, one a night; a night without a finished run is a mark below the line. limits: lines over bars."""
    days = nights.days
    heights = [sum(values[i] or 0 for _, _, values in series) for i in range(len(days))]
    highest = max([*heights, *(limit or 0 for limit in limits)])
    top = (highest or 1) * 1.08
    step = (WIDTH - LEFT) / len(days)
    base = HEIGHT - BOTTOM

    def y(value: float) -> float:
        return base - value / top * (base - 8)

    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{base}" y2="{base}" stroke="var(--line)"/>',
        f'<text x="{LEFT - 5}" y="{y(highest or 1):.1f}" text-anchor="end" dominant-baseline="middle">'
        f"{show(highest) if highest else ''}</text>",
        f'<text x="{LEFT - 5}" y="{base}" text-anchor="end">0</text>',
    ]
    for i, day in enumerate(days):
        x, under = LEFT + i * step, 0.0
        if day not in nights.runs:
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
                    f"<title>{day}: {escape(name)} {show(value)}</title></rect>"
                )
            under += value
    for i, limit in enumerate(limits):
        if limit is not None:
            parts.append(
                f'<path d="M{LEFT + i * step:.1f} {y(limit):.1f}h{step:.1f}" stroke="var(--soft)" stroke-width="1.5"/>'
            )
    for i in nights.changes():
        parts.append(
            f"<g><title>{days[i]}: {escape(t['change'])}</title>"
            f'<line x1="{LEFT + i * step:.1f}" x2="{LEFT + i * step:.1f}"'
            f' y1="4" y2="{base}" stroke="var(--ink)" stroke-dasharray="2 3"/></g>'
        )
    every = max(1, -(-len(days) // 8))
    for i in range(0, len(days), every):
        x = LEFT + (i + 0.1) * step
        if i == 0 or x < WIDTH - 54:  # room for a date
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 4}">{days[i][5:]}</text>')
    label = escape(", ".join(dict.fromkeys(name for name, _, _ in series)), quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.2f}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share == 0 or share >= 0.1 else f"{share:.1%}"


def _table(entries: list[RunEntry], t: dict[str, str]) -> str:
    heads = [t[n] for n in ("night", "list", "state", "files", "new", *BANDS)]
    heads += [t[n] for n in ("fails", "doubtful", "time", "network", "engine")]
    rows = []
    for entry in reversed(entries):
        state = t.get("failed run" if entry.state == "failed" else entry.state, entry.state)
        cells = [entry.night, entry.key[:8], state + (f" ({entry.kind})" if entry.kind != "batch" else "")]
        cells += [entry.facts.get("files", ""), entry.scored, *(entry.count("bands", band) for band in BANDS)]
        engine = entry.facts.get("engine", {})
        cells += [entry.count("status", "failed"), entry.count("status", "review"), f"{entry.seconds / 60:.1f}"]
        cells += [entry.facts.get("network", "")]
        cells += [f"{engine.get('name', '')} {engine.get('sha256', '')[:8]}"]
        rows.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        f'<figure class="wide" tabindex="0"><h2>{escape(t["table"])}</h2>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></figure>"
    )
