"""The site: the Markdown that is there, the commands and options, the docstrings. `make docs` (extra `docs`).

Pages are laid out in build/site-pages as they lie in the repository, so that their links hold; a link to a module leads
to its docstrings, one to any other file to a copy of it. Then ProperDocs makes build/site of them: strict, so that a
page that nothing lists or a link that leads nowhere is an error. The site asks no other place for fonts or scripts.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build" / "site-pages"
SITE = ROOT / "build" / "site"
CONFIG = ROOT / "build" / "site.json"
MEASURED = ROOT / "benchmarks" / "results"
ROOMS = ("cli", "engine", "calibration", "training")
#: Title -> pages under docs/, in the order of the site; `make docs` fails for one that stands nowhere.
SECTIONS = {
    "Every night": "output reading triage schedule config monitor nights command-line windows",
    "The PACS": "pacs conformance",
    "Networks and engines": "acceptance gpu model-card model-card-seed performance",
    "Training": "data training evaluation study",
    "Large archives": "archive robustness",
}
_LINK = re.compile(r"(\[[^\]]*\]\()([^)#\s]+)(#[^)\s]*)?\)")


def main() -> None:
    for old in (PAGES, SITE):
        shutil.rmtree(old, ignore_errors=True)
    pages = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")]
    pages += sorted([*(ROOT / "docs").rglob("*.md"), *MEASURED.glob("*.md"), ROOT / "changes" / "README.md"])
    for page in pages:
        _write(page.relative_to(ROOT).as_posix(), "".join(_linked(page)))
    for picture in (ROOT / "docs").rglob("*"):
        if picture.suffix in (".png", ".svg"):
            shutil.copy(picture, PAGES / picture.relative_to(ROOT))
    _write("docs/commands.md", commands_page())
    reference = list(_reference())
    CONFIG.write_text(json.dumps(_config(reference), indent=1), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "properdocs", "build", "--strict", "--config-file", str(CONFIG)], check=False
    )
    if done.returncode:
        sys.exit(f"site: that ended with code {done.returncode}")
    print(f"{SITE.relative_to(ROOT)}/index.html: {len(pages) + 1} pages and {len(reference)} of docstrings")


def _linked(page: Path) -> Iterator[str]:
    """The page's lines, with links to what is no page of the site led to where it stands there."""
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines(keepends=True):
        fenced ^= line.startswith("```")
        yield line if fenced else _LINK.sub(lambda match: _led(page, match), line)


def _led(page: Path, match: re.Match[str]) -> str:
    before, target, _ = match.groups()
    found = (page.parent / target).resolve()
    if re.match(r"[a-z]+:", target) or not found.is_relative_to(ROOT):
        return match[0]
    inside = found.relative_to(ROOT)
    up = "../" * len(page.relative_to(ROOT).parent.parts)
    if inside.parts[0] in ROOMS and (found.is_dir() or found.suffix == ".py"):
        package = ".".join(("xscan", *(inside if found.is_dir() else inside.parent).parts))
        module = ".".join(("xscan", *inside.with_suffix("").parts))
        return f"{before}{up}reference/{package}.md{'' if found.stem.startswith('_') else '#' + module})"
    if found.is_dir():
        return before[1:-2]
    if found.is_file() and found.suffix != ".md" and inside.parts[0] != "docs":
        _write(inside.as_posix(), found.read_text(encoding="utf-8"))
    return match[0]


def commands_page() -> str:
    """Every command with its help, arguments and options, as the code has them."""
    from xscan.cli.app import PANELS, app

    root: Any = typer.main.get_command(app)
    parts = [
        "# Commands and options",
        "Made from the code: what `--help` says (of `batch`, `--help-all`).",
    ]
    for title, panel in PANELS.items():
        parts.append(f"## {title}")
        for name in panel:
            command = root.commands[name]
            inner = getattr(command, "commands", {})
            if not inner or command.invoke_without_command:
                parts += [f"### `xscan {name}`", *_of_command(command)]
            for word, one in inner.items():
                if not one.hidden:
                    parts += [f"### `xscan {name} {word}`", *_of_command(one)]
    return "\n\n".join(parts) + "\n"


def _of_command(command: Any) -> Iterator[str]:
    yield re.sub(r"(?m)^ +", "", (command.help or "").replace("\b\n", "").strip())
    rows = ["| | | default |", "|---|---|---|"]
    for param in command.params:
        if getattr(param, "hidden", False):
            continue
        if param.param_type_name == "argument":
            shown = (param.metavar or param.name.upper()) + ("..." if param.nargs == -1 else "")
        else:
            shown = "`, `".join((*param.opts, *param.secondary_opts))
        said = getattr(param.default, "value", param.default)
        said = said if isinstance(said, (str, int, float)) and said is not False else ""
        rows.append(f"| `{shown}` | {_cell(param.help or '')} | {_cell(said)} |")
    yield "\n".join(rows)


def _cell(text: object) -> str:
    """As it stands in a table: a bar would end the cell, and what looks like a tag would be one."""
    return re.sub(r"([|<*_\[])", r"\\\1", " ".join(str(text).split()))


def _reference() -> Iterator[str]:
    """Pages of docstrings, one a package."""
    for room in ROOMS:
        for init in sorted((ROOT / room).rglob("__init__.py")):
            folder = init.parent
            package = ".".join(("xscan", *folder.relative_to(ROOT).parts))
            modules = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
            blocks = [f"# {package}", f"::: {package}", *(f"::: {package}.{module}" for module in modules)]
            _write(f"reference/{package}.md", "\n\n".join(blocks) + "\n")
            yield package


def _config(reference: list[str]) -> dict[str, Any]:
    nav: list[Any] = [{"xscan": "README.md"}, {"Commands and options": "docs/commands.md"}]
    nav += [{title: [f"docs/{name}.md" for name in names.split()]} for title, names in SECTIONS.items()]
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"), key=lambda path: int(path.stem.split("-")[0]))
    nav.append({"Measured": [f"benchmarks/results/{path.name}" for path in sorted(MEASURED.glob("*.md"))]})
    code: list[Any] = ["CONTRIBUTING.md", "docs/architecture.md", "SECURITY.md", "CHANGELOG.md", "changes/README.md"]
    code.append({"Decisions": ["docs/decisions/README.md", *(f"docs/decisions/{path.name}" for path in decisions)]})
    nav += [{"The code": code}, {"Docstrings": [{package: f"reference/{package}.md"} for package in reference]}]
    rooms = [str(ROOT / ".venv" / "rooms")]
    docstrings = {
        "show_root_heading": True,
        "show_source": False,
        "show_if_no_docstring": False,
        "members_order": "source",
        "separate_signature": True,
        "show_signature_annotations": True,
        "docstring_style": None,  # prose: no Google, NumPy or Sphinx sections
    }
    return {
        "site_name": "xscan",
        "site_url": "",
        "docs_dir": str(PAGES),
        "site_dir": str(SITE),
        "use_directory_urls": False,  # it can be read from a disk, without a server
        "theme": {"name": "material", "font": False, "features": ["navigation.indexes", "toc.follow"]},
        "plugins": [
            "search",
            {"mkdocstrings": {"handlers": {"python": {"paths": rooms, "options": docstrings}}}},
        ],
        "markdown_extensions": ["tables", "fenced_code", "sane_lists", {"toc": {"permalink": True}}],
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn", "absolute_links": "warn"},
            "links": {"not_found": "warn", "anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"},
        },
        "nav": nav,
    }


def _write(name: str, text: str) -> None:
    (PAGES / name).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
