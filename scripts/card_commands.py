#!/usr/bin/env python
"""Every command that opens an engine, in whole processes, on the strict stand-in of a GPU, with one call after another
failing.

    python scripts/card_commands.py [--each 3] [COMMAND ...]

Each run is a process of its own, and what is still pushed or alive after all that Python does at its end aborts it with
134, as pycuda would (only exit handlers of C++ are left out: ONNX Runtime's wait for threads that a fork has not).
A command runs once without a fault; then the first --each calls and the last of every kind fail, one a run. A run is
right if it ends with 4 or 5 and one line, with 0 where the call only costs time, or where one batch was refused that
other films do not need: `batch` has rows for them and ends with 3, the page lacks their pictures and says so. Prints a
table; exits 1 if a run was wrong. Wants os.fork: the libraries are loaded once.
"""

import argparse
import atexit
import gc
import importlib
import os
import pickle
import runpy
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LIBRARIES = ("cv2", "onnx", "onnxruntime", "pydicom", "pytest", "typer", "xscan.cli.app")
ABORTED = 134
#: What a new process of `bench` is started with on a real machine: the same card.
SITE = """
import sys
if any("open_runtime" in word for word in sys.orig_argv):
    sys.path.insert(0, {root!r})
    import pytest
    from tests.engine.runtime.fakes.card import put
    from tests.engine.runtime.fakes.driver import Driver
    put(pytest.MonkeyPatch(), Driver())
"""


def apart(make: Callable[[], Any], kept: Path) -> Any:
    """What `make` returns, made in a child: a process that has run a network has threads, and may not be forked."""
    child = os.fork()
    if not child:
        kept.write_bytes(pickle.dumps(make()))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the engines and films could not be made")
    return pickle.loads(kept.read_bytes())


def run(command: tuple[object, ...], at: int, told: Path) -> tuple[int, str, list[str]]:
    """Exit code, stderr and the calls of `xscan COMMAND` in a process whose call number `at` fails."""
    said = told.with_suffix(".err")
    sys.stdout.flush()
    child = os.fork()
    if not child:
        with said.open("wb") as stream, Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        _child(command, at, told)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text(errors="replace"), told.read_text().split("\n")


def _child(command: tuple[object, ...], at: int, told: Path) -> None:
    """Never returns: it ends as `python -m xscan.cli` would."""
    import pytest

    from tests.engine.runtime.fakes.card import put
    from tests.engine.runtime.fakes.driver import Driver
    from xscan.engine.runtime import bench

    driver = Driver()
    driver.fail_at = at
    code = 0

    def last() -> None:  # registered first, so that it runs after all that xscan leaves to the end
        gc.collect()
        told.write_text("\n".join(driver.calls))
        try:
            driver.assert_clean()
        except AssertionError as broken:
            os.write(2, f"ABORTED: {broken}, {len(driver.stack)} pushed\n".encode())
            os._exit(ABORTED)
        os._exit(code)

    atexit.register(last)
    bench.WINDOW_S = 0.005
    put(pytest.MonkeyPatch(), driver)
    sys.argv = ["xscan", *map(str, command)]
    sys.modules.pop("xscan.cli.__main__", None)
    try:
        runpy.run_module("xscan.cli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = int(end.code or 0)
        raise


def chosen(calls: list[str], each: int) -> list[int]:
    """Numbers, from 1, of the first calls of every kind and of the last."""
    places: dict[str, list[int]] = {}
    for number, name in enumerate(calls, 1):
        places.setdefault(name, []).append(number)
    return sorted({n for found in places.values() for n in (*found[:each], found[-1])})


def right(code: int, said: str, calls: list[str]) -> bool:
    """calls: up to the one that failed."""
    from tests.cli.commands.test_on_a_card import HARMLESS

    # waiting again for what was waited for a moment ago, before it is freed
    harmless = calls[-1] in HARMLESS or calls[-2:] == ["synchronize"] * 2
    lines = [line for line in said.splitlines() if line.startswith("xscan: ") and "warning" not in line]
    if "Traceback" in said:
        return False
    if code in (4, 5):
        return len(lines) == 1
    if code == 3:
        return calls[-1] == "set_input_shape" and "films failed" in said
    # TensorRT for RTX compiles without a card, and says that its plan has not run
    one_batch = calls[-1] == "set_input_shape" and "pictures are missing" in said
    return code == 0 and (harmless or one_batch or "has not run" in said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*")
    parser.add_argument("--each", type=int, default=3)
    options = parser.parse_args()
    for name in LIBRARIES:
        importlib.import_module(name)
    from tests.cli.commands.conftest import RUNTIMES, make_night
    from tests.cli.commands.test_on_a_card import OPENING, commands

    folder, parent = tempfile.mkdtemp(), os.getpid()
    atexit.register(lambda: shutil.rmtree(folder) if os.getpid() == parent else None)  # not by a child's end
    wrong = []
    print("| command | runtime | calls | failed, one a run | ended with 0 | 3 | 4 | 5 | wrong |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    site = Path(folder) / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(root=str(ROOT)))
    os.environ["PYTHONPATH"] = str(site)
    night = apart(lambda: make_night(Path(folder)), Path(folder) / "night.pickle")
    for name in options.commands or (*OPENING, "batch"):
        for runtime in RUNTIMES:
            own = Path(folder) / f"{name}-{runtime}"
            own.mkdir()
            every = commands(night, runtime, own)
            every["bench"] = (*every["bench"][:3], "8,3,8,1,8", *every["bench"][4:])
            every["batch"] = ("batch", night.films, "--engine", night.engines[runtime], "--out", own / "list.csv",
                              "--workers", 1, "--batch-size", 8, "--restart", "-q")  # fmt: skip
            run(every[name], 0, own / "told")  # kernels of TensorRT for RTX are kept now
            code, said, calls = run(every[name], 0, own / "told")
            ends = [code]
            if code:
                wrong.append(f"{name}, {runtime}, without a fault: {code}: {said[-300:]}")
            for at in chosen(calls, options.each):
                code, said, made = run(every[name], at, own / "told")
                if len(made) < at:  # a run that timing made shorter: nothing failed
                    continue
                ends.append(code)
                if not right(code, said, made[:at]):
                    wrong.append(f"{name}, {runtime}, call {at}, {made[at - 1]}: {code}: {said[-300:]}")
            number = sum(text.startswith(f"{name}, {runtime}, ") for text in wrong)
            counts = " | ".join(str(ends[1:].count(code)) for code in (0, 3, 4, 5))
            print(f"| {name} | {runtime} | {len(calls)} | {len(ends) - 1} | {counts} | {number} |", flush=True)
    print("\n".join(("", *wrong)) if wrong else "\nno process broke a rule")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
