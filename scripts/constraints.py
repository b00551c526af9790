"""constraints.txt: one version of every package that xscan and its extras ask for, with the hashes of its files.

    python scripts/constraints.py pacs rtx > wanted.txt      # what xscan[pacs,rtx] needs, less xscan itself
    pip install --require-hashes -r wanted.txt
    pip install --no-deps ./xscan-0.1.0-....whl              # or, in a clone: --no-deps --no-build-isolation -e .

    python scripts/constraints.py --renew                    # `make constraints`: the newest versions; needs uv
    python scripts/constraints.py --renew --keep             # only what pyproject.toml made necessary

pip itself takes no hashes of a constraints file for a package that is named without them, and none for a folder: what
an installation needs is picked out of the file first. Picking needs nothing but Python.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "constraints.txt"
BASE = "base"  #: what xscan needs without an extra
BUILD = "build"  #: what building it needs: pyproject.toml, [build-system]
#: NVIDIA's `tensorrt` is an sdist that fetches the library while it is built, and pycuda is compiled against a
#: machine's CUDA: neither has files whose hashes could be written down.
NOT_COVERED = ("tensorrt",)
_HEADER = """\
# One version of every package that xscan and its extras ask for, with the hashes of its files. Not edited by hand:
#     make constraints
# For Python 3.11 to 3.13. Installed on Linux x86_64; files for all of base are there for Windows and Linux aarch64,
# too, those of `train` not for aarch64. On macOS 13 onnxruntime has none: there pip takes what pyproject.toml allows.
# Not covered: the extra {missing} (its packages are built on the machine that they are for).
# What an installation needs is picked out by scripts/constraints.py, which says how; `for`: who asks for a package.
"""


class Entry(NamedTuple):
    pin: str  #: `numpy==2.4.6`
    marker: str  #: where it is meant, by whoever asks for it (PEP 508); empty: everywhere
    hashes: tuple[str, ...]
    parts: dict[str, str]  #: BASE, BUILD or extras -> marker

    @property
    def name(self) -> str:
        return self.pin.partition("==")[0]

    def lines(self, marker: str) -> str:
        return " \\\n".join((f"{self.pin} ; {marker}" if marker else self.pin, *(f"    {one}" for one in self.hashes)))


def entries(text: str) -> Iterator[Entry]:
    """The packages of a requirements file as uv writes it, or of constraints.txt."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", "\n" + text):
        lines = [line.strip().removesuffix("\\").strip() for line in block.splitlines()]
        told = [line.removeprefix("# for: ").partition(" ; ") for line in lines if line.startswith("# for: ")]
        pinned = [line for line in lines if line and not line.startswith("#")]
        if pinned:
            pin, _, marker = pinned[0].partition(" ; ")
            parts = {part: own or marker for words, _, own in told for part in words.split()}
            yield Entry(pin, marker, tuple(pinned[1:]), parts)


def pick(text: str, extras: list[str]) -> str:
    """The part of constraints.txt that BASE and these extras need. Raises ValueError for one that is not in it."""
    listed = list(entries(text))
    known = {part for entry in listed for part in entry.parts}
    if missing := sorted(set(extras) - known):
        raise ValueError(
            f"constraints.txt has nothing for {', '.join(missing)}: choose among {', '.join(sorted(known))}"
        )
    picked = []
    for entry in listed:
        markers = list(dict.fromkeys(entry.parts[part] for part in (BASE, *extras) if part in entry.parts))
        if len(markers) > 1:
            markers = [entry.marker if entry.marker in markers else " or ".join(f"({one})" for one in markers)]
        picked += [entry.lines(marker) for marker in markers]
    return "\n".join(picked) + "\n"


def renew(keep: bool) -> None:
    """Write constraints.txt anew. keep: with the versions that stand in it, where they still do. Raises OSError."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [name for name in project["project"]["optional-dependencies"] if name not in NOT_COVERED]
    build = project["build-system"]["requires"]
    with tempfile.TemporaryDirectory() as made:
        whole = Path(made) / "whole.txt"
        if keep:
            kept = entries(FILE.read_text(encoding="utf-8"))
            whole.write_text("\n".join(entry.lines(entry.marker) for entry in kept), encoding="utf-8")
        asked = [word for extra in extras for word in ("--extra", extra)]
        _compile(["pyproject.toml", "-", *asked, "--generate-hashes", "--output-file", str(whole)], build)
        parts = {
            BASE: _compile(["pyproject.toml", "--constraint", str(whole)]),
            BUILD: _compile(["-", "--constraint", str(whole)], build),
        } | {extra: _compile(["pyproject.toml", "--extra", extra, "--constraint", str(whole)]) for extra in extras}
        text = whole.read_text(encoding="utf-8")
    blocks = []
    for entry in entries(text):
        asking: dict[str, list[str]] = {}
        for part, said in parts.items():
            for one in entries(said):
                if one.pin == entry.pin:
                    asking.setdefault("" if one.marker == entry.marker else f" ; {one.marker}", []).append(part)
        blocks.append(
            "\n".join((entry.lines(entry.marker), *(f"    # for: {' '.join(asking[m])}{m}" for m in sorted(asking))))
        )
    FILE.write_text(_HEADER.format(missing=", ".join(NOT_COVERED)) + "\n".join(blocks) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {len(blocks)} packages")


def _compile(words: list[str], given: list[str] | None = None) -> str:
    """What uv answers, for every Python and system at once, without the addresses that it asked."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise OSError("uv is not there: pip install uv, or make constraints")
    fixed = ["--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "--quiet"]
    done = subprocess.run(
        [uv, "pip", "compile", *words, *fixed], input="\n".join(given or []), cwd=ROOT, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    if done.returncode:
        raise OSError(f"uv ended with code {done.returncode}; constraints.txt stands as it was")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description="What an installation of xscan needs, by version and hash.")
    parser.add_argument("extras", nargs="*", help="extras of pyproject.toml, or `build`")
    parser.add_argument("--renew", action="store_true", help="write constraints.txt anew")
    parser.add_argument("--keep", action="store_true", help="with --renew: change no version that need not change")
    given = parser.parse_args()
    try:
        if given.renew:
            renew(given.keep)
        else:
            print(pick(FILE.read_text(encoding="utf-8"), given.extras), end="")
    except (OSError, ValueError) as error:
        sys.exit(f"constraints: {error}")


if __name__ == "__main__":
    main()
