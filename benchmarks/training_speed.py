"""Images a second that a network trains at, under each setting of Keras that is installed, and in `xscan train`.

    python benchmarks/training_speed.py [--architecture seed] [--size 0] [--steps 32] [--rounds 2] [--threads 0]

Each setting runs in a process of its own, in turn, `--rounds` times. The first columns are wall time, which means
something on a quiet machine only; the last is images for each second of processor time, which is fairer beside others.
The last row goes through what `xscan train` does: its settings, and its batches with augmentation made meanwhile.
Prints how far it is from the fastest, in both measures.
"""

# Keras says `verbose: str` and is asked for numbers.
# pyright: reportArgumentType=false

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time

SETTINGS: dict[str, dict[str, str]] = {
    "tensorflow, oneDNN off": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"},
    "tensorflow, oneDNN on": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1"},
    "tensorflow, oneDNN, XLA": {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1", "JIT": "1"},
    "tensorflow, oneDNN, bfloat16": {
        "KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1", "PRECISION": "mixed_bfloat16",
    },
    "torch": {"KERAS_BACKEND": "torch"},
    "torch, bfloat16": {"KERAS_BACKEND": "torch", "PRECISION": "mixed_bfloat16"},
    "jax": {"KERAS_BACKEND": "jax"},
    "xscan train": {"AS_XSCAN": "1"},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="seed")
    parser.add_argument("--size", type=int, default=0, help="0: the architecture's own")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32, help="timed in each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0, help="0: as the backend likes")
    parser.add_argument("--only", nargs="*", help="these settings")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options)
        return
    rates: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for name, setting in SETTINGS.items():
            if importlib.util.find_spec(setting.get("KERAS_BACKEND", "keras")) and name in (options.only or SETTINGS):
                rates.setdefault(name, []).append(in_a_process(setting, options.threads))
    print(f"{'setting':<30} {'images/s':>9} {'images/core s':>14}")
    best = {name: tuple(max(values) for values in zip(*runs, strict=True)) for name, runs in rates.items()}
    for name, (wall, processor) in best.items():
        print(f"{name:<30} {wall:>9.1f} {processor:>14.1f}")
    if "xscan train" in best:
        for i, measure_of in enumerate(("images/s", "images/core s")):
            fastest = max((name for name in best if name != "xscan train"), key=lambda name: best[name][i])
            print(
                f"xscan train: {best['xscan train'][i] / best[fastest][i]:.2f} of the fastest ({fastest}), {measure_of}"
            )


def in_a_process(setting: dict[str, str], threads: int) -> tuple[float, float]:
    env = {"TF_CPP_MIN_LOG_LEVEL": "3"} | os.environ | setting
    if threads:
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        env |= dict.fromkeys(names, str(threads))
    done = subprocess.run(
        [sys.executable, __file__, "--child", *sys.argv[1:]], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    wall, processor = json.loads(done.stdout.splitlines()[-1])
    return wall, processor


def measure(options: argparse.Namespace) -> None:
    import xscan.training  # sets what `xscan train` runs with, before Keras is imported

    assert xscan.training
    import keras
    import numpy as np

    from xscan.training.architectures.registry import architecture
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import Batches, compiled, fastest_precision

    keras.config.set_dtype_policy(os.environ.get("PRECISION", "float32"))
    network = architecture(options.architecture)
    size = options.size or network.size
    precision = fastest_precision() if "AS_XSCAN" in os.environ else "float32"
    settings = Settings(batch_size=options.batch, precision=precision)
    model = compiled(network.build(size, size), settings, steps=1000)
    if "JIT" in os.environ:
        model.compile(optimizer=model.optimizer, loss=model.loss, jit_compile=True)
    films = options.steps * options.batch
    pictures = np.random.default_rng(0).integers(0, 256, (films, size, size), np.uint8)
    targets = np.eye(3, dtype=np.float32)[np.arange(films) % 3]

    def fit(count: int) -> None:
        if "AS_XSCAN" in os.environ:
            model.fit(Batches(pictures[:count], targets[:count], settings), verbose=0, shuffle=False)
        else:
            model.fit(pictures[:count, ..., None], targets[:count], batch_size=options.batch, verbose=0)

    fit(2 * options.batch)  # traces the graph
    # Where it ended, weights and their averages are one array each: JAX would refuse to be given it twice.
    model.set_weights([weights.copy() for weights in model.get_weights()])
    wall, processor = time.perf_counter(), time.process_time()
    fit(films)
    print(json.dumps([films / (time.perf_counter() - wall), films / (time.process_time() - processor)]))


if __name__ == "__main__":
    main()
