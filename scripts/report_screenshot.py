"""Draw docs/report.png: the morning page with phantoms and made-up scores, in headless Chromium; or any page.

python scripts/report_screenshot.py [FILE] [--dark] [--es] [--rows 120] [--size 1440x900]
python scripts/month.py --page month.html && python scripts/report_screenshot.py docs/nights.png --of month.html
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.engine.report.chromium import PROGRAM, Browser  # noqa: E402
from tests.engine.report.lists import MANIFEST, PhantomPictures, heard, made_up_rows, write_list  # noqa: E402
from xscan.engine.report.page import PageOptions, write_page  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "docs" / "report.png")
    parser.add_argument("--of", type=Path, help="a page that stands already")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--es", action="store_true")
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--size", default="1440x900")
    given = parser.parse_args()
    if PROGRAM is None:
        sys.exit("no Chromium on this machine")
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        page = given.of or made_up(Path(folder), "es" if given.es else "en", given.rows)
        with Browser(Path(folder) / "profile") as browser:
            browser.look(width, height, dark=given.dark)
            browser.open(page.absolute())
            for key in ("r", "ArrowDown", "x", "ArrowDown") if given.of is None else ():
                browser.press(key)
            time.sleep(1)
            browser.screenshot(given.file)


def made_up(folder: Path, language: str, count: int) -> Path:
    """The page of a night whose every third film is new; some patients have had a study before."""
    csv, rows = folder / "triage.csv", made_up_rows(count)
    write_list(csv, rows)
    studies = [row.study_uid for row in rows if row.study_uid]
    news = heard([row.file for row in rows[::3]], dict(zip(studies[::2], studies[9:], strict=False)))
    write_page(csv, csv.with_suffix(".html"), PageOptions(language, MANIFEST, news=news), PhantomPictures(9, 768))
    return csv.with_suffix(".html")


if __name__ == "__main__":
    main()
