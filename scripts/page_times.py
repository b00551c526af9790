"""How soon the morning page of many films is painted, and what memory it takes: made-up films, headless Chromium.

python scripts/page_times.py [--rows 10000] [--times 5]

`list painted`: from the start of navigation to the frame that shows rows of the list; `whole`: until all pictures are
parsed (DOMContentLoaded); `key`: from a keypress that walks to the last film until its frame. `heap` is what the page's
script holds, `process` the resident memory of its renderer.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.engine.report.chromium import PROGRAM, Browser  # noqa: E402
from tests.engine.report.lists import MANIFEST, PhantomPictures, heard, made_up_rows, write_list  # noqa: E402
from xscan.engine.report.page import PageOptions, write_page  # noqa: E402

_WATCH = (
    "(() => { const look = () => requestAnimationFrame(() => document.querySelector('.item')"
    " ? requestAnimationFrame(() => (window.listPainted = performance.now())) : look()); look(); })()"
)
_KEY = (
    "new Promise(done => { const start = performance.now();"
    " dispatchEvent(new KeyboardEvent('keydown', {key: 'End'}));"
    " requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start))); })"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    if PROGRAM is None:
        sys.exit("no Chromium on this machine")
    with tempfile.TemporaryDirectory() as folder:
        csv, rows = Path(folder) / "night.csv", made_up_rows(given.rows)
        write_list(csv, rows)
        page = csv.with_suffix(".html")
        started = time.monotonic()
        options = PageOptions("en", MANIFEST, news=heard([row.file for row in rows[::3]]))
        write_page(csv, page, options, PhantomPictures(9, 768))
        print(f"{given.rows} films, {page.stat().st_size / 1e6:.0f} MB, written in {time.monotonic() - started:.1f} s")
        found: dict[str, list[float]] = {}
        with Browser(Path(folder) / "profile", 120) as browser:
            browser.look()
            browser.send("Performance.enable")
            browser.send("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
            for _ in range(given.times):
                browser.open(page)
                painted = browser.eval("listPainted")
                ready = browser.eval("performance.getEntriesByType('navigation')[0].domContentLoadedEventStart")
                metrics = {m["name"]: m["value"] for m in browser.send("Performance.getMetrics")["metrics"]}
                values = {"list painted": painted, "whole": ready, "key": browser.eval(_KEY)}
                for name, value in values.items():
                    found.setdefault(f"{name}, ms", []).append(value)
                found.setdefault("heap, MB", []).append(metrics["JSHeapUsedSize"] / 1e6)
                found.setdefault("process, MB", []).append(_resident(browser))
    for name, values in found.items():
        print(f"{name}: median {median(values):.0f}, least {min(values):.0f}, most {max(values):.0f}")


def _resident(browser: Browser) -> float:
    """Of the largest renderer below this browser (Linux); 0 elsewhere."""
    sizes = [0.0]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
            if b"--type=renderer" in line and str(browser.profile).encode() in line:
                status = (process / "status").read_text()
                sizes.append(int(status.partition("VmRSS:")[2].split()[0]) / 1e3)
        except (OSError, ValueError, IndexError):
            continue
    return max(sizes)


if __name__ == "__main__":
    main()
