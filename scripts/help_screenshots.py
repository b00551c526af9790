"""Draw docs/help.png and docs/help-batch.png: what a terminal of 80 columns shows of --help, taken from tmux.

python scripts/help_screenshots.py      # needs tmux and chromium
"""

import html
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = {"docs/help.png": ("--help",), "docs/help-batch.png": ("batch", "--help")}
COLUMNS, ROWS = 80, 70
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #1c1f26 }} pre {{ margin: 0; padding: 12px 14px; color: #e4e6eb;
font: 14px/19px "DejaVu Sans Mono", monospace; width: 80ch }}</style><pre>{}</pre>"""


def shown(words: tuple[str, ...]) -> list[str]:
    """The lines of a tmux window of COLUMNS x ROWS after `xscan WORDS`."""
    session = ["tmux", "-L", "xscan-help"]
    line = f"clear; echo '$ xscan {' '.join(words)}'; {sys.executable} -m xscan {' '.join(words)}; echo; sleep 30"
    start = ["new-session", "-d", "-s", "help", "-x", str(COLUMNS), "-y", str(ROWS), line]
    subprocess.run([*session, *start], check=True, cwd=ROOT)
    try:
        for _ in range(100):
            time.sleep(0.1)
            taken = subprocess.run([*session, "capture-pane", "-p", "-t", "help"], check=True, capture_output=True)
            lines = taken.stdout.decode().rstrip().splitlines()
            if len(lines) > 8:
                time.sleep(0.3)
                return lines
        raise TimeoutError("tmux shows nothing")
    finally:
        subprocess.run([*session, "kill-session", "-t", "help"], check=False)


def draw(lines: list[str], picture: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "help.html"
        page.write_text(PAGE.format(html.escape("\n".join(lines))), encoding="utf-8")
        size = f"--window-size=720,{24 + 19 * len(lines)}"
        command = ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", size, f"--screenshot={picture}"]
        subprocess.run([*command, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    for name, words in PICTURES.items():
        draw(shown(words), ROOT / name)
        print(name)
