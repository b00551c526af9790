"""Limits of a worker process, each in a process of its own: some cannot be taken off again."""

import subprocess
import sys
from pathlib import Path

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def run(code: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.strip()


@linux
def test_a_film_gets_what_its_pixels_need_and_no_more() -> None:
    said = run(
        "from xscan.engine.machine.confine import BYTES_A_PIXEL, SPARE, MemoryLimit\n"
        "limit = MemoryLimit(10_000_000, 1_000_000)\n"
        "with limit.reading():\n"
        "    bytearray(10_000_000 * BYTES_A_PIXEL)\n"
        "    try: bytearray(11_000_000 * BYTES_A_PIXEL + SPARE)\n"
        "    except MemoryError: print('refused')\n"
        "bytearray(11_000_000 * BYTES_A_PIXEL + SPARE)\n"
        "print('whole again')"
    )
    assert said.split("\n") == ["refused", "whole again"]


@linux
def test_what_the_network_took_is_not_a_films() -> None:
    said = run(
        "from xscan.engine.machine.confine import SPARE, MemoryLimit\n"
        "limit = MemoryLimit(1, 1)\n"
        "held = bytearray(2 * SPARE)\n"
        "limit.grown(8)\n"
        "with limit.reading(): bytearray(SPARE // 2)\n"
        "more = bytearray(2 * SPARE)\n"
        "limit.grown(8)\n"  # no more films than before: a leak is not forgiven
        "try:\n"
        "    with limit.reading(): bytearray(SPARE // 2)\n"
        "except MemoryError: print('refused')"
    )
    assert said == "refused"


@posix
def test_files_are_limited(tmp_path: Path) -> None:
    code = (
        "import sys, resource\n"
        "from xscan.engine.machine.confine import limit_files\n"
        "limit_files(writes=sys.argv[2] == 'yes')\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "stream = open(sys.argv[1], 'wb', buffering=0)\n"
        "try: print(stream.write(b'x'))\n"
        "except OSError as error: print(type(error).__name__)\n"
        "kept = []\n"
        "try:\n"
        "    while len(kept) < 5000: kept.append(open(sys.argv[1]))\n"
        "except OSError: print(len(kept) < 256)\n"
    )
    assert run(code, str(tmp_path / "a"), "no").split("\n") == ["(0, 0)", "OSError", "True"]
    assert run(code, str(tmp_path / "b"), "yes").split("\n") == ["(0, 0)", "1", "True"]
