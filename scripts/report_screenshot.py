"""Draw docs/report.png: the morning page with phantoms and made-up scores, in headless Chromium.

python scripts/report_screenshot.py [FILE] [--dark] [--es] [--rows 120]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.engine.report.chromium import PROGRAM, Browser  # noqa: E402
from tests.engine.report.lists import MANIFEST, PhantomPictures, made_up_rows, write_list  # noqa: E402
from xscan.engine.report.page import PageOptions, write_page  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "docs" / "report.png")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--es", action="store_true")
    parser.add_argument("--rows", type=int, default=120)
    given = parser.parse_args()
    if PROGRAM is None:
        sys.exit("no Chromium on this machine")
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "triage.csv"
        write_list(csv, made_up_rows(given.rows))
        page = csv.with_suffix(".html")
        write_page(csv, page, PageOptions("es" if given.es else "en", MANIFEST), PhantomPictures(9, 768))
        with Browser(Path(folder) / "profile") as browser:
            browser.look(1440, 900, dark=given.dark)
            browser.open(page)
            for key in ("r", "ArrowDown", "x", "ArrowDown"):
                browser.press(key)
            time.sleep(1)
            browser.screenshot(given.file)


if __name__ == "__main__":
    main()
