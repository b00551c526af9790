"""Our own C, built with AddressSanitizer and UndefinedBehaviorSanitizer, under mutations.

    python scripts/sanitized.py --count 100000 [--seed 1]        # Linux, gcc with libasan and libubsan

The first fault ends it with the sanitizer's report and the number of the case (--start N --count 1 plays it again).
Each case lies in blocks of its own (PYTHONMALLOC=malloc, no spare byte behind): a read one byte past the end is seen.
Three of four cases are JPEG streams, taken apart and put together again by fuzz_structure.py and fuzz_read.py.
Exit code 0 when nothing was found.
"""

import argparse
import importlib.util
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PARTS = {"_jpeg": "read", "_cmyk": "read", "_area": "preprocess", "_look": "triage", "_line": "read"}
# Without __gnu_linux__ there are no clones for wider registers: they are chosen before the sanitizer is there.
FLAGS = ("-O1", "-g", "-fPIC", "-shared", "-fwrapv", "-U__gnu_linux__")
CHECKS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")


def build(folder: Path) -> None:
    include = sysconfig.get_path("include")
    for name, room in PARTS.items():
        source = ROOT / "engine" / room / f"{name}.c"
        command = ["gcc", *FLAGS, *CHECKS, f"-I{include}", str(source), "-o", str(folder / f"{name}.abi3.so")]
        subprocess.run(command, check=True)


def load(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.abi3.so")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def streams() -> list[tuple[bytes, tuple[int, int], type]]:
    """Streams that _jpeg reads, with the shape and kind of their pixels."""
    import imagecodecs
    import numpy as np

    found = []
    for rows, columns in ((1, 1), (7, 9), (33, 40), (64, 17)):
        for bits in (8, 12, 16):
            kind = np.uint8 if bits == 8 else np.uint16
            grey = np.random.default_rng(bits).integers(0, 1 << bits, (rows, columns)).astype(kind)
            for predictor in range(1, 8):
                encoded = imagecodecs.jpeg8_encode(grey, lossless=True, predictor=predictor, bitspersample=bits)
                found.append((encoded, grey.shape, kind))
            if bits == 12:
                found.append((imagecodecs.jpeg8_encode(grey, level=95, bitspersample=12), grey.shape, kind))
    return found


def child(folder: Path, start: int, count: int, seed: int) -> None:
    import numpy as np

    sys.path.insert(0, str(ROOT / "scripts"))
    from fuzz_read import damage
    from fuzz_structure import structural

    jpeg, cmyk, area, look, line = (load(folder, name) for name in PARTS)
    seeds = streams()
    fates: Counter[str] = Counter()
    case = os.open(folder / "case", os.O_CREAT | os.O_WRONLY)

    def of(chance: random.Random, shape: tuple[int, ...], kind: type) -> np.ndarray:
        return np.frombuffer(bytearray(chance.randbytes(int(np.prod(shape)) * np.dtype(kind).itemsize)), kind).reshape(
            shape
        )

    for index in range(start, start + count):
        chance = random.Random(seed * 1_000_003 + index)
        os.pwrite(case, f"{index:12d}".encode(), 0)
        some = lambda most=70: chance.choice((1, 2, 3, 15, 16, 17, chance.randint(1, most)))  # noqa: B023, E731
        if index % 4:
            content, shape, kind = chance.choice(seeds)
            if chance.random() < 0.5:
                content = structural(content, chance)
            else:
                content = damage(content, chance.choice(seeds)[0], chance)
            if chance.random() < 0.1:  # a picture of another shape than the stream's
                shape, kind = (some(), some()), chance.choice((np.uint8, np.uint16))
            stream = np.frombuffer(content, np.uint8).copy().data if content else b""
            fates[f"_jpeg {call(lambda: jpeg.decode(stream, np.empty(shape, kind)))}"] += 1  # noqa: B023
            continue
        rows, columns = some(), some()
        if index % 24 == 0:
            words = of(chance, (rows, columns), np.uint16)
            other = (rows, columns) if chance.random() < 0.9 else (some(), 1)
            words = words if chance.random() < 0.9 else np.frombuffer(bytes(2 * words.size + 1), np.uint8)[1:]
            numbers = [*(chance.getrandbits(16) for _ in range(4)), *(chance.getrandbits(32) for _ in range(2)), 255]
            fates[f"_line {call(lambda: line.shade(words, np.empty(other, np.uint8), *numbers))}"] += 1  # noqa: B023
        elif index % 12 == 0:
            other = (rows, columns) if chance.random() < 0.9 else (some(), some())
            pixels, tiff = of(chance, (rows, columns, 4), np.uint8), chance.random() < 0.5
            fates[f"_cmyk {call(lambda: cmyk.to_grey(pixels, np.empty(other, np.uint8), tiff))}"] += 1  # noqa: B023
        elif index % 12 == 4:
            kind = chance.choice((np.uint8, np.uint16))
            grey, target = of(chance, (rows, columns), kind), np.empty((some(rows), some(columns)), kind)
            fates[f"_area {call(lambda: area.shrink(grey, target))}"] += 1  # noqa: B023
        else:
            rows, columns = (chance.randint(14, 70) for _ in range(2))
            grey = of(chance, (rows, columns), np.uint8)
            size = [chance.choice((side, side, chance.randint(14, side + 2))) for side in (rows, columns)]
            fates[f"_look {call(lambda: look.look(grey, *size) and 0)}"] += 1  # noqa: B023
    for fate, number in fates.most_common():
        print(f"{number:8d}  {fate}")


def call(act) -> str:
    """What came back, or how it was refused."""
    try:
        return str(act())
    except (ValueError, TypeError, BufferError, MemoryError) as error:
        return type(error).__name__


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.start, options.count, options.seed)
        return 0
    with tempfile.TemporaryDirectory() as place:
        build(Path(place))
        libraries = [
            subprocess.run(
                ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
            ).stdout.strip()
            for name in ("libasan.so", "libubsan.so")
        ]
        # Python and NumPy keep memory to their end: no leak is looked for.
        environment = os.environ | {"LD_PRELOAD": ":".join(libraries), "PYTHONMALLOC": "malloc"}
        environment |= {
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        command = [sys.executable, __file__, "--child", place, "--start", str(options.start)]
        command += ["--count", str(options.count), "--seed", str(options.seed)]
        code = subprocess.run(command, env=environment, check=False).returncode
        if code:
            print(f"ended with {code} at case {(Path(place) / 'case').read_text().strip()}")
        return code


if __name__ == "__main__":
    sys.exit(main())
