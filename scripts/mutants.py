#!/usr/bin/env python
# ruff: noqa: E501
"""Break the TensorRT runtime on purpose, one piece of text at a time, and see whether its tests notice.

    python scripts/mutants.py [PYTEST ARGUMENTS]

Each mutant is a copy of the rooms, in a temporary folder. The tests are tests/engine/runtime/test_tensorrt.py (strict
stand-ins, no GPU). Prints a table; exits 1 if a mutant lives.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEST = "tests/engine/runtime/test_tensorrt.py"

#: what is broken -> (module, text, what stands there instead)
MUTANTS = {
    "no plain run before the capture": ("tensorrt.py", "if lane.warm and lane.graph", "if lane.graph"),
    "partial batches are recorded, too": ("tensorrt.py", "        if lane.films != self.largest:\n            self._enqueue(lane.part, stream)\n            return\n", ""),
    "partial batches change the full batch's context": ("tensorrt.py", "self._set_shape(at.part, at.films)", "self._set_shape(at.full, at.films)"),
    "the full context runs partial batches": ("tensorrt.py", "self._enqueue(lane.part, stream)", "self._enqueue(lane.full, stream)"),
    "the shape of a partial batch is not set": ("tensorrt.py", "            self._set_shape(at.part, at.films)\n", ""),
    "the largest shape is not set": ("tensorrt.py", "        self._set_shape(lane.full, self.largest)", "        self._set_shape(lane.part, self.largest)"),
    "a shape that was refused is taken as set": ("tensorrt.py", "            at.part_films = 0\n            self._set_shape(at.part, at.films)\n            at.part_films = at.films\n", "            at.part_films = at.films\n"),
    "the part context gets no memory": ("tensorrt.py", 'for which in ("full", "part")', 'for which in ("full",)'),
    "the recording is made and never launched": ("tensorrt.py", "            lane.graph.launch(stream)\n            return", "            return"),
    "the recording runs, and the network once more": ("tensorrt.py", "            lane.graph.launch(stream)\n            return", "            lane.graph.launch(stream)"),
    "our own capture under TensorRT for RTX": ("tensorrt.py", " and self._rtx is None", ""),
    "TensorRT for RTX without its configuration": ("tensorrt.py", "config = self._rtx.config if self._rtx is not None else None", "config = None"),
    "kernels specialised lazily": ("rtx_cache.py", "        self.config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER\n", ""),
    "no graphs under TensorRT for RTX": ("rtx_cache.py", "        self.config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE\n", ""),
    "the cache is not given to TensorRT": ("rtx_cache.py", "        self.config.set_runtime_cache(self._cache)\n", ""),
    "the cache is not kept": ("tensorrt.py", "            self._rtx.save()\n", "            pass\n"),
    "another plan's kernels are loaded": ("rtx_cache.py", "self._plan.encode() + kernels", "kernels"),
    "the cache outlives the context": ("tensorrt.py", "            self._rtx.free()\n", "            self._kept = self._rtx\n"),
    "a relaxed capture": ("cuda.py", "THREAD_LOCAL = 1", "THREAD_LOCAL = 2"),
    "a global capture": ("cuda.py", "THREAD_LOCAL = 1", "THREAD_LOCAL = 0"),
    "a failed capture leaks its graph": ("cuda.py", "            if graph.value and (ended or not launched):\n                library.cuGraphDestroy(graph)\n                graph.value = None\n", "            if not launched:\n                graph.value = None\n"),
    "the graph is not destroyed": ("cuda.py", "        library.cuGraphDestroy(graph)\n        return None if failed", "        return None if failed"),
    "the capture is not ended where the launch fails": ("cuda.py", "            ended = library.cuStreamEndCapture(handle, ctypes.byref(graph))\n", "            ended = library.cuStreamEndCapture(handle, ctypes.byref(graph)) if launched else 1\n"),
    "instantiated after it was destroyed": ("cuda.py", "        failed = library.cuGraphInstantiateWithFlags", "        library.cuGraphDestroy(graph)\n        failed = library.cuGraphInstantiateWithFlags"),
    "a stream that waits for the default stream": ("cuda.py", "NON_BLOCKING = 1", "NON_BLOCKING = 0"),
    "the executable graph is not freed": ("tensorrt.py", "            self.graph.close()\n", "            pass\n"),
    "lanes are not freed": ("tensorrt.py", "            self._lanes.pop().free()\n", "            self._kept = self._lanes.pop()\n"),
    "the stream is not freed": ("tensorrt.py", "self.pixels = self.stream = None", "self.pixels = None"),
    "device memory is not freed": ("tensorrt.py", "        self.results.clear()\n", ""),
    "page-locked memory is not freed": ("tensorrt.py", "        self.landed.clear()\n", ""),
    "contexts are not freed": ("tensorrt.py", "self.graph = self.full = self.part = None", "self.graph = None"),
    "the engine is not freed": ("tensorrt.py", "self._rtx = self._engine = self._runtime = None\n        self._device", "self._rtx = self._runtime = None\n        self._device"),
    "freed while work is under way": ("tensorrt.py", "                    lane.stream.wait()\n", "                    pass\n"),
    "the context goes first": ("tensorrt.py", "        for lane in self._lanes:\n            if lane.stream", "        self._device.close()\n        for lane in self._lanes:\n            if lane.stream"),
    "the context is never popped": ("tensorrt.py", "        self._rtx = self._engine = self._runtime = None\n        self._device.close()", "        self._rtx = self._engine = self._runtime = None"),
    "a half-made runtime is left": ("tensorrt.py", "            forget_frames(error)\n            self.close()\n            raise", "            forget_frames(error)\n            raise"),
    "a traceback keeps device memory": ("tensorrt.py", "        forget_frames(error)\n        self.close()", "        self.close()"),
    "a traceback of the start keeps device memory": ("tensorrt.py", "            forget_frames(error)\n            self.close()\n            raise", "            self.close()\n            raise"),
    "an earlier error's frames are kept": ("cuda.py", "error = error.__cause__ or error.__context__", "error = None"),
    "the slots stay registered": ("cuda.py", "        atexit.unregister(self.close)\n        self.unregister()\n", "        atexit.unregister(self.close)\n"),
    "popped twice": ("cuda.py", "        self._open = False\n", ""),
    "not detached": ("cuda.py", "        self._context.detach()\n", ""),
    "results are read before they are there": ("tensorrt.py", "        at.stream.wait()\n        return", "        return"),
    "results are taken before the network ran": ("tensorrt.py", "        self._launch(at, at.stream)\n        for name in at.landed:\n            at.stream.to_host(at.landed[name][: at.films], at.results[name])\n", "        for name in at.landed:\n            at.stream.to_host(at.landed[name][: at.films], at.results[name])\n        self._launch(at, at.stream)\n"),
    "films are copied after the network ran": ("tensorrt.py", "        at.stream.to_device(at.pixels, pictures)\n        self._launch(at, at.stream)\n", "        self._launch(at, at.stream)\n        at.stream.to_device(at.pixels, pictures)\n"),
    "results are the buffer itself": ("tensorrt.py", ".astype(np.float32) for name", ".astype(np.float32, copy=False) for name"),
    "lanes share the first lane": ("tensorrt.py", "        at = self._lanes[lane]\n        if len(pictures)", "        at = self._lanes[0]\n        if len(pictures)"),
    "a failed run is taken as done": ("tensorrt.py", "        if not context.execute_async_v3(stream.handle):\n", "        if context.execute_async_v3(stream.handle) is None:\n"),
    "a refused shape is taken as set": ("tensorrt.py", "        if not context.set_input_shape(", "        if None is context.set_input_shape("),
    "refused memory is taken as set": ("tensorrt.py", "                if not getattr(lane, which).set_tensor_address(", "                if None is getattr(lane, which).set_tensor_address("),
    "no context is taken as one": ("tensorrt.py", "        if made is None:\n            raise EngineError(\"the GPU has not enough free memory for the engine\")\n", ""),
}  # fmt: skip


def main(arguments: list[str]) -> int:
    alive = []
    print("| broken | in | noticed by |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for room in ("engine", "calibration"):
            shutil.copytree(ROOT / room, copy / "xscan" / room, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        if _noticed(copy, arguments):
            print("the tests fail without a mutant")
            return 1
        for what, (module, text, instead) in MUTANTS.items():
            path = copy / "xscan" / "engine" / "runtime" / module
            whole = path.read_text(encoding="utf-8")
            if whole.count(text) != 1:
                caught = f"the text is there {whole.count(text)} times: mend this script"
                alive.append(what)
            else:
                path.write_text(whole.replace(text, instead), encoding="utf-8")
                caught = _noticed(copy, arguments)
                path.write_text(whole, encoding="utf-8")
                if not caught:
                    alive.append(what)
            print(f"| {what} | {module} | {caught or 'LIVES'} |", flush=True)
    print(f"\n{len(MUTANTS) - len(alive)} of {len(MUTANTS)} noticed")
    return bool(alive)


def _noticed(copy: Path, arguments: list[str]) -> str:
    """The first test that fails; empty if none does."""
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-q",
        "-x",
        "-m",
        "not gpu",
        "-p",
        "no:cacheprovider",
        TEST,
        *arguments,
    ]
    environment = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=300)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode and not failed:
        return "ended"  # as pycuda would: an abort, or no test could be collected
    return failed[0].split("::", 1)[-1].split(" - ")[0] if failed else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
