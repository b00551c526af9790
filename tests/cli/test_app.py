"""The program as a whole: starts fast, imports little, speaks plainly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xscan.cli.app import PANELS
from xscan.cli.terminal.groups import load

from ..conftest import ROOT, Xscan

COMMANDS = [name for panel in PANELS.values() for name in panel]


@pytest.mark.usefixtures("unmeasured")
def test_help_imports_little_and_no_command() -> None:
    """Counted, not timed: what is imported is what --help costs, on any machine."""
    code = (
        "import json, sys\n"
        "from xscan.cli.__main__ import main\n"
        "sys.argv = ['xscan', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    imported = set(json.loads(run.stderr))
    heavy = {"cv2", "onnxruntime", "tensorflow", "keras", "pydicom", "numpy", "rich", "multiprocessing"}
    assert not heavy & imported
    ours = {name for name in imported if name.startswith("xscan.")}
    assert not {name for name in ours if name.startswith(("xscan.cli.commands", "xscan.training", "xscan.calibration"))}
    light = {"xscan.engine.errors", "xscan.engine.disk", "xscan.engine.disk.hostile"}
    assert {name for name in ours if name.startswith("xscan.engine.")} <= light
    assert len(imported) < 200


@pytest.mark.usefixtures("unmeasured")
def test_the_main_process_of_a_batch_loads_no_numbers_and_no_pictures(phantoms: Path, tmp_path: Path) -> None:
    """Libraries are loaded by workers, all at once; the main process only lists and writes."""
    code = (
        "import json, sys\n"
        "from xscan.cli.__main__ import main\n"
        f"sys.argv = ['xscan', 'batch', {str(phantoms)!r}, '--out', {str(tmp_path / 'list.csv')!r}, '-q']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"cv2", "onnxruntime", "onnx", "tensorflow", "keras", "pydicom", "numpy", "imagecodecs"}
    assert not heavy & set(json.loads(run.stdout.splitlines()[-1]))


def test_every_command_stands_in_one_panel() -> None:
    files = {path.stem.replace("_", "-") for path in (ROOT / "cli" / "commands").glob("*.py")} - {"--init--"}
    assert sorted(COMMANDS) == sorted(files)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_every_option_is_described(command: str) -> None:
    loaded: Any = load("xscan.cli.commands", command)
    for one in getattr(loaded, "commands", {"": loaded}).values():
        assert one.help
        assert not one.hidden or one.name == "failed"
        assert [p.name for p in one.params if not one.hidden and not getattr(p, "help", None)] == []


def test_the_short_help_of_a_batch_is_fifteen_lines_and_the_whole_one_leaves_nothing_out(xscan: Xscan) -> None:
    environment = os.environ | {"COLUMNS": "80"}
    short, whole = (xscan("batch", option, env=environment).stdout for option in ("--help", "--help-all"))
    assert len(short.splitlines()) <= 15
    assert max(map(len, whole.splitlines())) <= 80
    options = {o for p in load("xscan.cli.commands", "batch").params for o in p.opts if o.startswith("--")}
    assert {option for option in options if option not in whole} == set()
    titles = [line.rstrip(":") for line in whole.splitlines() if line[:1].isupper() and line.endswith(":")]
    assert titles == ["Arguments", "Where from", "How", "What to write", "This run", "Rarely", "Options"]


def test_the_program_as_a_module(xscan: Xscan) -> None:
    run = subprocess.run([sys.executable, "-m", "xscan", "-V"], capture_output=True, text=True, check=True)
    assert run.stdout == xscan("-V").stdout


@pytest.mark.parametrize("group", [(), ("data",), ("engine",), ("config",), ("schedule",)])
def test_summaries_fit_eighty_columns(xscan: Xscan, group: tuple[str, ...]) -> None:
    done = xscan(*group, "--help", env=os.environ | {"COLUMNS": "80"})
    assert "..." not in done.stdout.replace("[ARGS]...", "")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_main_process_of_a_batch_imports_neither_cv2_nor_a_runtime() -> None:
    code = (
        "import sys, xscan.engine.batch.run\n"
        "sys.exit(' '.join({'cv2', 'onnxruntime', 'pydicom'} & set(sys.modules)) or 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_ctrl_c_while_it_starts_is_told_as_any_other(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            sys.meta_path.remove(self)\n"
        "            raise KeyboardInterrupt\n"
        "from xscan.cli.__main__ import main\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "main()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (130, "xscan: interrupted\n")


def test_usage_errors_are_exit_code_2(xscan: Xscan) -> None:
    assert xscan("batch").returncode == 2
    assert xscan("nothing").returncode == 2
    assert xscan("--version").stdout.startswith("xscan ")
    assert xscan("-V").stdout == xscan("--version").stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("bacth",), "no such command 'bacth': did you mean 'batch'"),
        (("data", "descibe"), "no such command 'descibe': did you mean 'describe'?\n"),
        (("batch", "films", "--otu", "x"), "no such option --otu: did you mean --out?"),
        (("batch", ""), "FILMS... is an empty name: give a file or folder"),
        (("batch", "films", "--out", ""), "--out is an empty name"),
        (("batch", "films", "--workers", "-1"), "invalid value for '--workers'"),
        (("batch",), "missing argument FILMS..."),
        (("report",), "missing argument CSV"),
        (("batch", "films", "--workers", "x"), "invalid value for '--workers'"),
        (("inspect", "nowhere.png"), "no file nowhere.png"),
    ],
)
def test_a_slip_is_one_line_and_with_json_an_object(xscan: Xscan, line: tuple[str, ...], says: str) -> None:
    plain, told = xscan(*line), xscan(*line, "--json")
    for done in (plain, told):
        assert done.returncode == 2
        assert done.stderr.startswith(f"xscan: {says}")
        assert done.stderr.count("\n") == 1
        assert "Input should" not in done.stderr  # a library's words
    assert plain.stdout == ""
    assert json.loads(told.stdout) == {"error": told.stderr.removeprefix("xscan: ").strip(), "exit_code": 2}


def test_the_wheel_holds_every_module_and_network(tmp_path: Path) -> None:
    import zipfile

    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    run = subprocess.run(build, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {"xscan/__init__.py", "xscan/__main__.py", "xscan/py.typed"} <= inside
    for room in ("cli", "engine", "training", "calibration"):
        for path in (ROOT / room).rglob("*"):
            if path.suffix in (".py", ".onnx", ".html", ".toml", ".css", ".js", ".npz"):
                assert f"xscan/{path.relative_to(ROOT).as_posix()}" in inside
