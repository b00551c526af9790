"""Shells complete commands, options and values: asked of the shells themselves where they are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import Xscan

LINES = [
    ("xscan bat", "batch"),
    ("xscan batch films --eng", "--engine"),
    ("xscan batch films --lang e", "es"),
    ("xscan data des", "describe"),
    ("xscan build-engine --precision in", "int8"),
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which `xscan` is this environment's."""
    program = tmp_path / "bin" / "xscan"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m xscan.cli "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def ask(shell: list[str], script: str, path: str, home: Path) -> list[str]:
    environment = os.environ | {"PATH": path, "HOME": str(home), "TERM": "dumb"}
    done = subprocess.run([*shell, script], capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.split("\t")[0].strip() for line in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(("line", "offered"), LINES)
def test_bash(line: str, offered: str, path: str, tmp_path: Path) -> None:
    script = f"""
source <(xscan completion bash)
COMP_WORDS=({line}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
$(complete -p xscan | sed 's/.*-F \\([^ ]*\\).*/\\1/') xscan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    assert offered in ask(["bash", "-c"], script, path, tmp_path)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
@pytest.mark.parametrize(("line", "offered"), LINES)
def test_zsh(line: str, offered: str, path: str, tmp_path: Path) -> None:
    # The completion system works in an interactive shell alone: here what it would call tells what it is given.
    script = f"""
compdef() {{ : }}
_arguments() {{ print -l -- "$@" }}
_describe() {{ print -l -- ${{(P)2}} }}
source <(xscan completion zsh)
words=({line}); CURRENT=$#words
_xscan_completion
"""
    assert any(offered in said for said in ask(["zsh", "-f", "-c"], script, path, tmp_path))


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
@pytest.mark.parametrize(("line", "offered"), LINES)
def test_fish(line: str, offered: str, path: str, tmp_path: Path) -> None:
    script = f"xscan completion fish | source; complete -C '{line}'"
    assert offered in ask(["fish", "--no-config", "-c"], script, path, tmp_path)


def test_powershell_is_asked_as_its_script_asks(xscan: Xscan) -> None:
    """No PowerShell here: its script, and the answer to the question that it puts."""
    script = xscan("completion", "powershell").stdout
    assert "Register-ArgumentCompleter -Native -CommandName xscan" in script
    question = {
        "_XSCAN_COMPLETE": "complete_powershell",
        "_TYPER_COMPLETE_ARGS": "xscan batch films --lang e",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "e",
    }
    assert all(name in script for name in question)
    answer = xscan(env=os.environ | question)
    assert {line.partition(":::")[0].strip() for line in answer.stdout.splitlines()} == {"en", "es"}


def test_completing_a_name_imports_no_heavy_thing() -> None:
    code = (
        "import sys\n"
        "from xscan.cli.__main__ import main\n"
        "sys.argv = ['xscan']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.exit(' '.join({'cv2', 'onnxruntime', 'keras', 'pydicom', 'numpy'} & set(sys.modules)) or 0)\n"
    )
    question = {"_XSCAN_COMPLETE": "complete_bash", "COMP_WORDS": "xscan ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | question
    )
    assert done.returncode == 0, done.stderr
    assert "batch" in done.stdout.split()
