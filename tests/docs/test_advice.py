"""Every command that the docs show, or that the code prints as advice, is one that the command line takes."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from xscan.cli.app import app

from ..conftest import ROOT

ROOMS = ("cli", "engine", "training", "calibration")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_HOLE = "\N{LATIN SMALL LETTER O WITH STROKE}"  #: what an f-string fills in


def documented() -> Iterator[tuple[str, str]]:
    """Page and command line, of the pages' code blocks."""
    for page in PAGES:
        for block in re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if command := re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )?(?:\.venv/bin/)?(xscan (?!: ).*)", line):
                    yield page.name, command[1].partition("  #")[0].strip()


@cache
def texts() -> list[tuple[Path, int, str]]:
    """File, line and text of every string of the code that is no docstring; of an f-string with holes."""
    found = []
    for path in sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        passed = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        passed |= {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body
            if isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else _HOLE
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
                text = node.value
            else:
                continue
            found.append((path.relative_to(ROOT), node.lineno, text))
    return found


def printed() -> Iterator[tuple[str, str]]:
    """Module and what stands in its texts behind `xscan`, up to what is no command line any more."""
    for path, line, text in texts():
        for name, rest in re.findall(r"\bxscan ([a-z]+(?:-[a-z]+)*)([^:;,()\n`]*)", text):
            named = re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest)
            inner = re.findall(r"^ [a-z]+", rest)
            yield f"{path}:{line}", " ".join([name, *(w.strip() for w in inner), *named])


def group() -> Any:
    return typer.main.get_command(app)


@pytest.mark.parametrize(("page", "line"), sorted(set(documented())))
def test_a_documented_command_is_taken(page: str, line: str) -> None:
    root: Any = group()
    words = shlex.split(line)[1:]
    for mark in (">", ">>", "|", "2>", "&"):
        words = words[: words.index(mark)] if mark in words else words
    if "..." in words or "..." in line:
        words = [word for word in words if word != "..."]
    with root.make_context("xscan", words, resilient_parsing=False) as context:
        rest = [*context._protected_args, *context.args]
        command = root
        while rest and getattr(command, "commands", None):
            assert rest[0] in command.commands, f"{page}: there is no command {rest[0]}"
            name, command = rest[0], command.commands[rest[0]]
            context = command.make_context(name, rest[1:], parent=context)  # raises on an option it does not take
            rest = [*context._protected_args, *context.args]


def test_printed_advice_names_commands_and_options_that_there_are() -> None:
    root: Any = group()
    wrong = []
    for place, line in printed():
        name, *rest = line.split()
        command = root.commands.get(name)
        if command is None:
            continue  # "xscan makes", "xscan can": prose
        if rest and rest[0] in getattr(command, "commands", {}):
            command, rest = command.commands[rest[0]], rest[1:]
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        wrong += [f"{place}: xscan {line}: no {word}" for word in rest if word.startswith("-") and word not in known]
    assert not wrong, wrong


#: Commands whose texts show another command's options.
OF_OTHERS = {
    "config": {"batch"}, "engine": {"build-engine"}, "schedule": {"batch", "fetch", "listen"}, "train": {"export"},
    "sweep": {"export"},
}  # fmt: skip
FOREIGN = {"--user", "--now"}  #: systemctl's


def test_every_option_that_a_message_names_is_one() -> None:
    """In a command's own module one of its own, where no other command is named; elsewhere one of some command."""
    root: Any = group()
    own = {name: set(options(command)) for name, command in root.commands.items()}
    known = set().union(*own.values(), options(root), {"--help", "--help-all"}, FOREIGN)
    wrong = []
    for path, line, text in texts():
        if path.name in ("systemd.py", "page.py", "history_page.py", "checks.py") or "recipes" in path.parts:
            continue  # systemctl's options, CSS and pip's; recipes have a parser of their own
        here = path.stem.replace("_", "-")
        its = known
        if path.parts[:2] == ("cli", "commands") and "xscan " not in text:
            its = own[here].union(*(own[other] for other in OF_OTHERS.get(here, ())), {"--help", "--help-all"}, FOREIGN)
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text))
        wrong += [f"{path}:{line}: {option}" for option in named - its]
    assert not wrong, wrong


def options(command: Any) -> Iterator[str]:
    """Of a command, and of the commands below it."""
    for one in (command, *getattr(command, "commands", {}).values()):
        for param in one.params:
            yield from (*param.opts, *param.secondary_opts)


def test_every_line_that_installs_is_of_this_environment() -> None:
    """`pip install ...` as it stands may belong to another Python: one helper writes the line."""
    assert [f"{path}:{line}" for path, line, text in texts() if "pip install" in text] == []


def test_the_table_of_commands_is_that_of_the_code() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    commands: Any = group().commands
    named: set[str] = set()
    for cell in cells:
        words = [name.split() for name in re.findall(r"`([^`]+)`", cell)]
        first = words[0][0]
        for name, *sub in words:
            if name in commands:
                named.add(name)
                assert set(sub) <= set(getattr(commands[name], "commands", {})), cell
            else:  # `data describe`, `pack`, `split`
                assert name in commands[first].commands, cell
    assert named == set(commands)


def test_the_network_that_help_names_as_default_is_the_default() -> None:
    from xscan.engine.network.models import DEFAULT
    from xscan.training.recipes.default import LAST

    batch, train = (group().commands[name] for name in ("batch", "train"))
    (engine,) = [param for param in batch.params if param.name == "engine"]
    assert engine.help.endswith(f"else {DEFAULT}.")
    (architecture,) = [param for param in train.params if param.name == "architecture"]
    assert f"{LAST.architecture} ships as {DEFAULT}" in architecture.help
