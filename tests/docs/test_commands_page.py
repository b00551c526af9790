"""Every command, sub-command and option stands on the site's page of commands, and in the README's table."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from scripts.site import commands_page
from xscan.cli.app import app

from ..conftest import ROOT


def walked() -> Iterator[tuple[str, Any]]:
    """Each thing that can be called, and its command; what is hidden is called by timers alone."""
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        inner = getattr(command, "commands", {})
        if not inner or command.invoke_without_command:
            yield name, command
        yield from ((f"{name} {word}", one) for word, one in inner.items() if not one.hidden)


def test_every_option_stands_under_its_command() -> None:
    sections = dict(re.findall(r"^### `xscan ([a-z -]+)`\n(.*?)(?=^##|\Z)", commands_page(), re.MULTILINE | re.DOTALL))
    assert sections.keys() == {name for name, _ in walked()}
    options = 0
    for name, command in walked():
        assert sections[name].strip().partition("\n")[0], name
        for param in command.params:
            shown = [word for word in (*param.opts, *param.secondary_opts) if word.startswith("--")]
            lines = [line for line in sections[name].splitlines() if line.startswith("|")]
            rows = [row for row in lines if all(f"`{word}`" in row for word in shown)]
            assert rows, f"{name} {shown}"
            assert any(len(row.split("|")[2].strip()) > 5 for row in rows), f"{name} {shown} says nothing"
            options += len(shown)
    assert options > 200


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2].partition("\n## ")[0]
    rows = [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in text.splitlines() if line.startswith("| `")]
    root: Any = typer.main.get_command(app)
    named = {code.split()[0] for row in rows for code in row}
    assert [name for name, one in root.commands.items() if not one.hidden and name not in named] == []
    for name, command in root.commands.items():
        if name in {"config", "schedule", "history"}:
            continue  # called by its own name alone
        words = [word for row in rows if row[0].split()[0] == name for word in " ".join(row).split()]
        missing = [
            word for word, one in getattr(command, "commands", {}).items() if not one.hidden and word not in words
        ]
        assert missing == [], name
