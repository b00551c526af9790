"""Time commands on a machine that may have other work to do, and write tables of results (Linux)."""

import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SCRATCH = ROOT / "build" / "bench"  #: folders of films and lists; git ignores it
QUIET = 0.1  #: cores: a run counts only where other work took less
#: Left out of a command's environment: every contender gets the threads that it takes by itself, and the compiled
#: Python files that an installed package has.
LEFT_OUT = (
    "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "MKL_NUM_THREADS", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
TRIES = 2  #: a run that does not count is done again, so often in all


@dataclass(frozen=True)
class Run:
    seconds: float  #: of the whole command
    cpu: float  #: processor seconds of the command and its children
    other: float  #: cores that other work took meanwhile
    output: str  #: what it printed

    @property
    def counts(self) -> bool:
        return self.other < QUIET


def run(command: Sequence[object], cores: set[int] | None = None, codes: tuple[int, ...] = (0,)) -> Run:
    """Run a command, on `cores` alone if given, and look at what else the machine did meanwhile."""
    words = [str(word) for word in command]
    bind = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    busy, began = _busy(), time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, preexec_fn=bind
    ) as child:
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds, busy = time.monotonic() - began, _busy() - busy
    if child.returncode not in codes:
        sys.exit(f"{shlex.join(words)} ended with {child.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return Run(seconds, cpu, max(0.0, (busy - cpu) / seconds), output)


def run_quietly(command: Sequence[object], cores: set[int] | None = None, codes: tuple[int, ...] = (0,)) -> Run:
    """The same, once more where other work was in the way. Look at `counts`: that may not have helped."""
    done = run(command, cores, codes)
    for _ in range(TRIES - 1):
        if done.counts:
            break
        done = run(command, cores, codes)
    return done


def in_turn(cases: Iterable[str], measure: Callable[[str], Run], rounds: int) -> dict[str, list[Run]]:
    """Every case once, then all of them again: what slows the machine for a while slows all alike."""
    runs: dict[str, list[Run]] = {case: [] for case in cases}
    for number in range(rounds):
        for case, done in runs.items():
            done.append(measure(case))
            note(f"round {number + 1}: {case}: {done[-1].seconds:.1f} s" + ("" if done[-1].counts else ", not quiet"))
    return runs


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def quiet_note(runs: Iterable[Run]) -> str:
    """A sentence for below a table."""
    others = [done.other for done in runs]
    bad = sum(other >= QUIET for other in others)
    most = f"other work took at most {max(others):.2f} cores during a run"
    return (
        f"All {len(others)} runs count: {most}."
        if not bad
        else f"**{bad} of {len(others)} runs do not count: {most}.**"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers to the right."""
    lines = [[_cell(cell) for cell in row] for row in rows]
    right = [bool(lines) and all(_is_number(row[i]) for row in lines) for i in range(len(header))]
    rule = ["---:" if r else "---" for r in right]
    return "\n".join("| " + " | ".join(row) + " |" for row in (list(header), rule, *lines))


def write(name: str, title: str, parts: Sequence[str]) -> None:
    """Print the parts of a result, and leave them in benchmarks/results/NAME.md with command and machine."""
    words = [Path(word).name if os.path.isabs(word) else word for word in sys.argv[1:]]
    command = shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])
    text = "\n\n".join([f"# {title}", f"`{command}`", machine(), *parts]) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text, flush=True)


def machine() -> str:
    model, flags = platform.processor(), set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
        elif line.startswith("flags"):
            flags = set(line.split())
    model += "".join(f" + {name}" for name in ("avx512_vnni", "avx512_bf16") if name in flags)  # what speed hangs on
    packages = ("numpy", "opencv-python-headless", "imagecodecs", "onnxruntime", "tensorflow-cpu")
    found = ", ".join(f"{p} {v}" for p in packages if (v := _version(p)))
    cores = len(os.sched_getaffinity(0))
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores of {model}, Python {platform.python_version()}, {found}."


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def xscan_batch(folder: Path, name: str, *options: object) -> list[object]:
    """The command, from scratch; its list and run report are SCRATCH/NAME.csv and NAME.csv.run.json."""
    command = [sys.executable, "-m", "xscan.cli", "batch", folder, "--out", SCRATCH / f"{name}.csv", "--restart", "-q"]
    return [*command, "--max-failures", "100%", *options]


def _busy() -> float:
    """Seconds that all cores have worked since the machine started; what a hypervisor took counts, too."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, soft, steal = ticks
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return str(value)


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace("%", "").replace("-", "").strip().isdigit() or text == ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
