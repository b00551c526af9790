"""The program as a whole: starts fast, imports little, speaks plainly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT, Xscan

COMMANDS = [
    "batch",
    "merge",
    "phantom",
    "train",
    "sweep",
    "export",
    "evaluate",
    "compare",
    "explain",
    "inspect",
    "doctor",
]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from xscan.cli.__main__ import main\n"
        "sys.argv = ['xscan', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'cv2', 'onnxruntime', 'tensorflow', 'keras', 'pydicom', 'numpy', 'rich'} & set(sys.modules)\n"
        "sys.exit(' '.join(heavy) or 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_every_option_is_described(xscan: Xscan, command: str) -> None:
    run = xscan(command, "--help")
    assert run.returncode == 0
    assert "Usage: xscan" in run.stdout


@pytest.mark.parametrize("group", [(), ("data",), ("engine",), ("config",), ("schedule",)])
def test_summaries_fit_eighty_columns(xscan: Xscan, group: tuple[str, ...]) -> None:
    import os

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


def test_usage_errors_are_exit_code_2(xscan: Xscan) -> None:
    assert xscan("batch").returncode == 2
    assert xscan("nothing").returncode == 2
    assert xscan("--version").stdout.startswith("xscan ")
    assert xscan("-V").stdout == xscan("--version").stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("bacth",), "no such command 'bacth'. Did you mean 'batch'"),
        (("data", "descibe"), "no such command 'descibe'. Did you mean 'describe'"),
        (("batch", "films", "--otu", "x"), "no such option: --otu"),
        (("batch",), "missing argument"),
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
    assert plain.stdout == ""
    assert json.loads(told.stdout) == {"error": told.stderr.removeprefix("xscan: ").strip(), "exit_code": 2}


def test_the_wheel_holds_every_module_and_network(tmp_path: Path) -> None:
    import zipfile

    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    run = subprocess.run(build, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for room in ("cli", "engine", "training", "calibration"):
        for path in (ROOT / room).rglob("*"):
            if path.suffix in (".py", ".onnx", ".html", ".toml", ".css", ".js", ".npz"):
                assert f"xscan/{path.relative_to(ROOT).as_posix()}" in inside
