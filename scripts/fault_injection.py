"""Let a file system fail at the n-th call, at every n, and look at how each command ends.

    python scripts/fault_injection.py                       # all; some minutes
    python scripts/fault_injection.py --only merge triage --sample 7

Six phantoms, a network of a few weights, one worker. Each case is a process that is forked when all is imported; below
its output folder (`films`: a batch, below the films' folder) scripts/failing_disk.c (compiled here; Linux) makes a call
fail: to open, read, write, bring to the disk, rename, link, unlink, make a folder. Then the same command runs again on
a sound disk. Looked at:

- the exit code is one that the fault may have, and stderr has no traceback and no internal error;
- no output is half written: each is as it was before, or as it must be, or not there; where films cannot be read, the
  list has a row for each;
- afterwards the same command ends with 0, all outputs have the bytes of a run without a fault, nothing is left over.
  (A hidden temporary file may be, of a command without a lock whose share did not let it remove it.)

Prints a table; exit code 1 when anything was wrong.
"""

import argparse
import contextlib
import ctypes
import errno
import multiprocessing
import multiprocessing.context
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

SOURCE = Path(__file__).with_name("failing_disk.c")
EVER = 1 << 40
REPORT = ".run.json"  #: of a run that failed it says so: whole, and another than that of a run without a fault

#: Of films that cannot be read: rows that say so, which are too many, or the share is lost.
FILMS_CODES = {0, 3, 5}

#: fault -> errno (0: a write takes half), whether all later calls fail, too, and the exit codes that it may end with.
FAULTS = {
    "disk full": (errno.ENOSPC, True, {0, 5}),
    "EIO, once": (errno.EIO, False, {0, 5}),
    "ESTALE, from then on": (errno.ESTALE, True, {0, 5}),
    "EACCES, once": (errno.EACCES, False, {0, 2}),
    "EACCES, from then on": (errno.EACCES, True, {0, 2}),
    "a short write": (0, False, {0}),
}


@dataclass
class Command:
    """A command, the folder that it finds, and what it must leave there."""

    words: list[str]
    template: Path
    wanted: dict[str, bytes]
    below: Path  #: what fails


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="batch, next-night, films, report, merge, triage")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    parser.add_argument("--sample", type=int, default=1, help="every so-manieth call only")
    parser.add_argument("--first", type=int, default=1, help="from this call on: other samples, in pieces")
    options = parser.parse_args()
    if "XSCAN_FAILING_DISK" not in os.environ:
        sys.exit(_with_shim(sys.argv))
    with tempfile.TemporaryDirectory() as place:
        sys.exit(0 if study(Path(os.path.realpath(place)), options) else 1)


def _with_shim(argv: list[str]) -> int:
    """Run this script again with the failing file system loaded."""
    with tempfile.TemporaryDirectory() as place:
        shim = os.path.join(place, "failing_disk.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, str(SOURCE), "-ldl"], check=True)
        environment = os.environ | {
            "LD_PRELOAD": shim,
            "XSCAN_FAILING_DISK": shim,
            "ARROW_DEFAULT_MEMORY_POOL": "system",  # jemalloc has a thread
        }
        return subprocess.run([sys.executable, *argv], env=environment, check=False).returncode


def study(root: Path, options: argparse.Namespace) -> bool:
    os.environ["XDG_STATE_HOME"] = str(root / "state")  # a history of its own, not that of whoever runs this
    prepare()
    wrong = 0
    print("| command | fault | calls | tried | exit codes | wrong |\n|---|---|---|---|---|---|")
    for name, command in commands(root, options.only):
        calls = run(root, command, None)[1]
        for fault in options.faults:
            if name == "films" and FAULTS[fault][0] in (errno.ENOSPC, 0):
                continue  # nothing is written there
            codes: Counter[int] = Counter()
            found = []
            for n in range(options.first, calls + 1, options.sample):
                code, problems = case(root, command, fault, n)
                codes[code] += 1
                found += [f"{name}, {fault}, call {n}: {problem}" for problem in problems]
            told = ", ".join(f"{code}: {count}" for code, count in sorted(codes.items()))
            print(f"| {name} | {fault} | {calls} | {codes.total()} | {told} | {len(found)} |", flush=True)
            for line in found:
                print(f"  {line}", file=sys.stderr, flush=True)
            wrong += len(found)
    return wrong == 0


def prepare() -> None:
    """Import what a command and its workers need, once, and let workers be forked from here."""
    import cv2
    import imagecodecs  # noqa: F401
    import onnxruntime  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pydicom  # noqa: F401

    from xscan.cli import __main__, app  # noqa: F401
    from xscan.cli.commands import batch, merge, report, triage  # noqa: F401
    from xscan.engine.batch import launch, pool, run, worker  # noqa: F401
    from xscan.engine.read import raster  # noqa: F401
    from xscan.engine.read.dicom import read, words  # noqa: F401
    from xscan.engine.report import earlier_page, page  # noqa: F401

    launch.CONTEXT = pool.CONTEXT = Context()  # type: ignore[assignment]
    os.register_at_fork(after_in_child=Context.close_ends)
    words.part_said("chest")  # fills its tables
    cv2.setNumThreads(1)  # no threads before the forks
    launch.begin = lambda: None  # forked workers would hold each other's pipes


class Context(multiprocessing.context.ForkContext):
    """A forked worker lets go of its pipe's other end: it ends when the pool closes that, as a spawned one does."""

    ends: ClassVar[list[Any]] = []

    def Pipe(self, duplex: bool = True) -> tuple[Any, Any]:  # as for messages: of another class on Windows
        here, there = super().Pipe(duplex)
        self.ends.append(here)
        return here, there

    @classmethod
    def close_ends(cls) -> None:
        for end in cls.ends:
            end.close()


def commands(root: Path, only: list[str]) -> Iterator[tuple[str, Command]]:
    engine = network(root / "tiny.onnx")
    out, films = root / "out", root / "films"
    phantoms(films, 6)
    batch = ["batch", str(films), "--engine", str(engine), "--workers", "1", "--batch-size", "2", "-q"]
    night = [*batch, "--out", str(out / "a.csv"), "--report", "--format", "jsonl", "--format", "parquet"]
    shards = [[*batch, "--out", str(out / f"{n}.csv"), "--shard", f"{n}/2"] for n in (1, 2)]
    triage = ["triage", str(out / "a.csv"), "--rule-in", "threshold=0.9", "--out", str(out / "b.csv"), "-q"]
    todo = {
        "batch": ([], night),
        "report": (
            [[*batch, "--out", str(out / "a.csv")]],
            ["report", str(out / "a.csv"), "-q"],
        ),
        "merge": (shards, ["merge", str(out / "all.csv"), str(out / "1.csv"), str(out / "2.csv"), "-q"]),
        "triage": ([[*batch, "--out", str(out / "a.csv")]], triage),
        "films": ([], night),
        "next-night": ([night], night),  # with films that are new, changed and gone
    }
    for name, (before, words) in todo.items():
        if only and name not in only:
            continue
        command = Command(words, root / f"{name}.template", {}, films if name == "films" else out)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for line in before:
            assert fork(root, line)[0] == 0, line
        if name == "next-night":
            phantoms(films, 8)
            first, second, *_ = sorted(films.iterdir())
            first.unlink()
            os.utime(second, (1_000_000_000, 1_000_000_000))
        shutil.copytree(out, command.template)
        for _ in range(2):  # the second time no film is new tonight any more, as in all runs to come
            code, _, says = run(root, command, None)
            assert code == 0, says
        command.wanted = outputs(out)
        yield name, command


def phantoms(folder: Path, count: int) -> None:
    from xscan.engine.phantom.files import write_phantoms

    folder.mkdir(exist_ok=True)
    write_phantoms(folder, count, rows=150, columns=200)


def network(path: Path) -> Path:
    """Class scores from the mean grey, 32 x 32: the writing of rows sets the pace."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from xscan.engine.network.manifest import KEY, Manifest, OperatingPoint
    from xscan.engine.network.spec import InputSpec

    out, sure = OperatingPoint(0.3, 0.9, 0.9), OperatingPoint(0.7, 0.9, 0.9)
    manifest = Manifest("tiny", "1", InputSpec(32, 32), temperature=1.0, rule_out=out, rule_in=sure)
    weights = numpy_helper.from_array(np.array([[0.01, -0.01, 0.002]], np.float32), "weights")
    axes = numpy_helper.from_array(np.array([1, 2]), "axes")
    nodes = [
        helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 32, 32, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])
    graph = helper.make_graph(nodes, "tiny", [pixels], [logits], [weights, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    model.metadata_props.add(key=KEY, value=manifest.to_json())
    onnx.save(model, path)
    return path


def case(root: Path, command: Command, fault: str, n: int) -> tuple[int, list[str]]:
    """One fault at one call, and the same command again; returns the exit code and what was wrong."""
    number, lasts, allowed = FAULTS[fault]
    before = outputs(command.template)
    code, _, says = run(root, command, (n, EVER if lasts else n, number))
    of_films = command.below != root / "out"
    problems = [] if code in (FILMS_CODES if of_films else allowed) else [f"exit code {code}: {says[-300:]}"]
    problems += ["a traceback: " + says[-600:] for word in _NEVER if word in says][:1]
    out = root / "out"
    for name, content in outputs(out).items():
        whole = content in (command.wanted.get(name), before.get(name))
        whole |= name.endswith(REPORT) and content.isalpha()
        whole |= name.endswith(".html") and content.rstrip().endswith(b"</html>")  # a picture may be missing
        if of_films:
            whole = name != "a.csv" or films_of(content) == films_of(command.wanted[name])
        if name in command.wanted and not whole:
            problems.append(f"{name} is half written")
    if code != 0 or outputs(out) != command.wanted:
        again, says = fork(root, command.words)
        if again == 2 and command.words[0] == "merge" and outputs(out) == command.wanted:
            again = 0  # it never writes over a list: this one stands already, whole
        if again != 0:
            problems.append(f"again: exit code {again}: {says[-300:]}")
        made = outputs(out)
        if lasts and command.words[0] != "batch":  # the share would not remove it, and no lock says whose it is
            made = {name: content for name, content in made.items() if not _TEMPORARY.match(name)}
        for name in sorted(made.keys() | command.wanted.keys()):
            if made.get(name) != command.wanted.get(name):
                state = "is left over" if name not in command.wanted else "differs" if name in made else "is not there"
                problems.append(f"again: {name} {state}")
    return code, problems


def films_of(content: bytes) -> list[bytes]:
    """The first cells of a list: its films."""
    return [line.partition(b",")[0] for line in content.splitlines()]


_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp\.")
_NEVER = ("Traceback", "internal error", "Logging error", "Exception ignored", "most recent call")


def run(root: Path, command: Command, fault: tuple[int, int, int] | None) -> tuple[int, int, str]:
    """The command in the folder that it finds; the exit code, the number of calls, and stderr."""
    out = root / "out"
    shutil.rmtree(out)
    shutil.copytree(command.template, out)
    read, write = os.pipe()
    code, says = fork(root, command.words, command.below, fault or (0, 0, 0), write)
    os.close(write)
    with os.fdopen(read) as pipe:
        return code, int(pipe.read() or 0), says


def fork(
    root: Path, words: list[str], below: Path | None = None, fault: tuple[int, int, int] = (0, 0, 0), tell: int = -1
) -> tuple[int, str]:
    """A command in a process of its own; its exit code and what it said on stderr."""
    said = root / "stderr"
    child = os.fork()
    if child == 0:
        code = 70
        try:
            for number, target in ((1, Path(os.devnull)), (2, said)):
                os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            shim = ctypes.CDLL(os.environ["XSCAN_FAILING_DISK"])
            if below is not None:
                first, last, number = fault
                shim.failing_disk_arm(
                    str(below).encode(), ctypes.c_long(first), ctypes.c_long(last), ctypes.c_int(number)
                )
            code = _command(words)
            for worker in multiprocessing.active_children():
                worker.kill()
            if below is not None:
                shim.failing_disk_calls.restype = ctypes.c_long
                os.write(tell, str(shim.failing_disk_calls()).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text(encoding="utf-8", errors="replace")


def _command(words: list[str]) -> int:
    from xscan.cli.__main__ import main as xscan

    sys.argv = ["xscan", *words]
    try:
        xscan()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def outputs(folder: Path) -> dict[str, bytes]:
    """Files by name; of a run report the state, the page without its times, studies without the history's column."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.name.endswith(REPORT):
                state = re.search(rb'"state": "(\w+)"', content)
                content = state[1] if state else content
            elif path.name.endswith(".studies.csv"):
                content = re.sub(rb",[^,\n]*$", b"", content, flags=re.MULTILINE)
            elif path.suffix == ".html":  # since: noon, which can pass meanwhile
                content = re.sub(rb"sha256-[A-Za-z0-9+/=]+", b"", re.sub(rb'"(made|since)": ?"[^"]*"', b"", content))
            found[str(path.relative_to(folder))] = content
    return found


if __name__ == "__main__":
    main()
