#!/usr/bin/env python
# ruff: noqa: E501
"""Break the GPU's part on purpose, one piece of text at a time, and see whether the tests notice.

    python scripts/mutants.py [PART/PARTS]

Each mutant is a copy of the rooms, in a temporary folder; the tests are those that `TESTS` names for its module, on the
strict stand-in of a GPU. Prints a table; exits 1 if a mutant lives. 2/8: the second of eight parts of the table.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("numpy", "cv2", "onnx", "onnxruntime", "pydicom", "pytest", "typer")
RUNTIME, BUILD = "engine/runtime/", "calibration/build_engine/"

#: module -> pytest arguments
TESTS = {
    **dict.fromkeys((f"{RUNTIME}{name}.py" for name in ("tensorrt", "rtx_cache", "cuda")), ("tests/engine/runtime/test_tensorrt.py",)),
    f"{RUNTIME}engines.py": ("tests/cli/commands/test_on_a_card.py", "-k", "whatever and inspect"),
    f"{RUNTIME}rebuild.py": ("tests/calibration/build_engine/test_card.py", "-k", "rebuilt"),
    f"{RUNTIME}agreement.py": ("tests/calibration/build_engine/test_card.py", "-k", "rebuilt"),
    f"{BUILD}card.py": ("tests/calibration/build_engine/test_card.py",),
    f"{BUILD}build.py": ("tests/calibration/build_engine/test_card.py",),
}  # fmt: skip

#: what is broken -> (module, text, what stands there instead)
MUTANTS = {
    "no plain run before the capture": (f"{RUNTIME}tensorrt.py", "if lane.warm and lane.graph", "if lane.graph"),
    "partial batches are recorded, too": (f"{RUNTIME}tensorrt.py", "        if lane.films != self.largest:\n            self._enqueue(lane.part, stream)\n            return\n", ""),
    "partial batches change the full batch's context": (f"{RUNTIME}tensorrt.py", "self._set_shape(at.part, at.films)", "self._set_shape(at.full, at.films)"),
    "the full context runs partial batches": (f"{RUNTIME}tensorrt.py", "self._enqueue(lane.part, stream)", "self._enqueue(lane.full, stream)"),
    "the shape of a partial batch is not set": (f"{RUNTIME}tensorrt.py", "            self._set_shape(at.part, at.films)\n", ""),
    "the largest shape is not set": (f"{RUNTIME}tensorrt.py", "        self._set_shape(lane.full, self.largest)", "        self._set_shape(lane.part, self.largest)"),
    "a shape that was refused is taken as set": (f"{RUNTIME}tensorrt.py", "            at.part_films = 0\n            self._set_shape(at.part, at.films)\n            at.part_films = at.films\n", "            at.part_films = at.films\n"),
    "the part context gets no memory": (f"{RUNTIME}tensorrt.py", 'for which in ("full", "part")', 'for which in ("full",)'),
    "the recording is made and never launched": (f"{RUNTIME}tensorrt.py", "            lane.graph.launch(stream)\n            return", "            return"),
    "the recording runs, and the network once more": (f"{RUNTIME}tensorrt.py", "            lane.graph.launch(stream)\n            return", "            lane.graph.launch(stream)"),
    "our own capture under TensorRT for RTX": (f"{RUNTIME}tensorrt.py", " and self._rtx is None", ""),
    "TensorRT for RTX without its configuration": (f"{RUNTIME}tensorrt.py", "config = self._rtx.config if self._rtx is not None else None", "config = None"),
    "kernels specialised lazily": (f"{RUNTIME}rtx_cache.py", "        self.config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER\n", ""),
    "no graphs under TensorRT for RTX": (f"{RUNTIME}rtx_cache.py", "        self.config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE\n", ""),
    "the cache is not given to TensorRT": (f"{RUNTIME}rtx_cache.py", "        self.config.set_runtime_cache(self._cache)\n", ""),
    "the cache is not kept": (f"{RUNTIME}tensorrt.py", "            self._rtx.save()\n", "            pass\n"),
    "another plan's kernels are loaded": (f"{RUNTIME}rtx_cache.py", "self._plan.encode() + kernels", "kernels"),
    "the cache outlives the context": (f"{RUNTIME}tensorrt.py", "            self._rtx.free()\n", "            self._kept = self._rtx\n"),
    "a relaxed capture": (f"{RUNTIME}cuda.py", "THREAD_LOCAL = 1", "THREAD_LOCAL = 2"),
    "a global capture": (f"{RUNTIME}cuda.py", "THREAD_LOCAL = 1", "THREAD_LOCAL = 0"),
    "a failed capture leaks its graph": (f"{RUNTIME}cuda.py", "            if graph.value and (ended or not launched):\n                library.cuGraphDestroy(graph)\n                graph.value = None\n", "            if not launched:\n                graph.value = None\n"),
    "the graph is not destroyed": (f"{RUNTIME}cuda.py", "        library.cuGraphDestroy(graph)\n        return None if failed", "        return None if failed"),
    "the capture is not ended where the launch fails": (f"{RUNTIME}cuda.py", "            ended = library.cuStreamEndCapture(handle, ctypes.byref(graph))\n", "            ended = library.cuStreamEndCapture(handle, ctypes.byref(graph)) if launched else 1\n"),
    "instantiated after it was destroyed": (f"{RUNTIME}cuda.py", "        failed = library.cuGraphInstantiateWithFlags", "        library.cuGraphDestroy(graph)\n        failed = library.cuGraphInstantiateWithFlags"),
    "a stream that waits for the default stream": (f"{RUNTIME}cuda.py", "NON_BLOCKING = 1", "NON_BLOCKING = 0"),
    "the executable graph is not freed": (f"{RUNTIME}tensorrt.py", "            self.graph.close()\n", "            pass\n"),
    "lanes are not freed": (f"{RUNTIME}tensorrt.py", "            self._lanes.pop().free()\n", "            self._kept = self._lanes.pop()\n"),
    "the stream is not freed": (f"{RUNTIME}tensorrt.py", "self.pixels = self.stream = None", "self.pixels = None"),
    "device memory is not freed": (f"{RUNTIME}tensorrt.py", "        self.results.clear()\n", ""),
    "page-locked memory is not freed": (f"{RUNTIME}tensorrt.py", "        self.landed.clear()\n", ""),
    "contexts are not freed": (f"{RUNTIME}tensorrt.py", "self.graph = self.full = self.part = None", "self.graph = None"),
    "the engine is not freed": (f"{RUNTIME}tensorrt.py", "self._rtx = self._engine = self._runtime = None\n        self._device", "self._rtx = self._runtime = None\n        self._device"),
    "freed while work is under way": (f"{RUNTIME}tensorrt.py", "                    lane.stream.wait()\n", "                    pass\n"),
    "the context goes first": (f"{RUNTIME}tensorrt.py", "        for lane in self._lanes:\n            if lane.stream", "        self._device.close()\n        for lane in self._lanes:\n            if lane.stream"),
    "the context is never popped": (f"{RUNTIME}tensorrt.py", "        self._rtx = self._engine = self._runtime = None\n        self._device.close()", "        self._rtx = self._engine = self._runtime = None"),
    "a half-made runtime is left": (f"{RUNTIME}tensorrt.py", "        except BaseException:\n            self.close()\n            raise", "        except BaseException:\n            raise"),
    "a traceback keeps device memory": (f"{RUNTIME}tensorrt.py", "        forget_frames(sys.exc_info()[1])  # of", "        # of"),
    "an earlier error's frames are kept": (f"{RUNTIME}cuda.py", "error = error.__cause__ or error.__context__", "error = None"),
    "the slots stay registered": (f"{RUNTIME}cuda.py", "        atexit.unregister(self.close)\n        self.unregister()\n", "        atexit.unregister(self.close)\n"),
    "popped twice": (f"{RUNTIME}cuda.py", "        self._open = False\n", ""),
    "not detached": (f"{RUNTIME}cuda.py", "        self._context.detach()\n", ""),
    "results are read before they are there": (f"{RUNTIME}tensorrt.py", "        at.stream.wait()\n        return", "        return"),
    "results are taken before the network ran": (f"{RUNTIME}tensorrt.py", "        self._launch(at, at.stream)\n        for name in at.landed:\n            at.stream.to_host(at.landed[name][: at.films], at.results[name])\n", "        for name in at.landed:\n            at.stream.to_host(at.landed[name][: at.films], at.results[name])\n        self._launch(at, at.stream)\n"),
    "films are copied after the network ran": (f"{RUNTIME}tensorrt.py", "        at.stream.to_device(at.pixels, pictures)\n        self._launch(at, at.stream)\n", "        self._launch(at, at.stream)\n        at.stream.to_device(at.pixels, pictures)\n"),
    "results are the buffer itself": (f"{RUNTIME}tensorrt.py", ".astype(np.float32) for name", ".astype(np.float32, copy=False) for name"),
    "lanes share the first lane": (f"{RUNTIME}tensorrt.py", "        at = self._lanes[lane]\n        if len(pictures)", "        at = self._lanes[0]\n        if len(pictures)"),
    "a failed run is taken as done": (f"{RUNTIME}tensorrt.py", "        if not context.execute_async_v3(stream.handle):\n", "        if context.execute_async_v3(stream.handle) is None:\n"),
    "a refused shape is taken as set": (f"{RUNTIME}tensorrt.py", "        if not context.set_input_shape(", "        if None is context.set_input_shape("),
    "refused memory is taken as set": (f"{RUNTIME}tensorrt.py", "                if not getattr(lane, which).set_tensor_address(", "                if None is getattr(lane, which).set_tensor_address("),
    "no context is taken as one": (f"{RUNTIME}tensorrt.py", '        if made is None:\n            raise EngineError("the GPU has not enough free memory for the engine")\n', ""),
    "an engine that gives no answer is not closed": (f"{RUNTIME}engines.py", "        opened.enter_context(runtime)\n", ""),
    "a rebuilt plan is not held against its graph": (f"{RUNTIME}rebuild.py", "found = require_agreement(", "from .agreement import agreement\n        found = agreement("),
    "a rebuilt plan keeps the old plan's verdict": (f"{RUNTIME}rebuild.py", "kept = dict(of_graph)", "kept = dict(gate)"),
    "phantoms may say what they like": (f"{RUNTIME}agreement.py", "MEAN, LARGEST = 0.01, 0.05", "MEAN, LARGEST = 1.0, 1.0"),
    "the plan is not tried": (f"{BUILD}build.py", 'if self._card.present or (self._plan.on_cpu and precision == "fp32"):', 'if self._plan.on_cpu and precision == "fp32":'),
    "the plan is not timed": (f"{BUILD}build.py", 'elif self._card.present and precision != "fp32":', "elif False:"),
    "the slower plan is taken": (f"{BUILD}build.py", "if ratio <= 1 and after:", "if ratio > 1 and after:"),
    "written before it was tried": (f"{BUILD}build.py", "            if self._card.present or", "            write_engine(self._plan.settings.out, engine, candidate.model.SerializeToString(), made.sidecar)\n            if self._card.present or"),
    "a plan that films refuse is written": (f"{BUILD}card.py", "        if not verdict.refused:\n            return made\n", "        return made\n"),
    "a plan that phantoms refuse is written": (f"{BUILD}card.py", "        if found.agrees:\n", "        if found:\n"),
    "the graph's verdict is taken for the plan's": (f"{BUILD}card.py", "verdict = judged(self._plan, measured, runtime.outputs(measured.pictures.pixels))", "verdict = made.candidate.verdict or judged(self._plan, measured, runtime.outputs(measured.pictures.pixels))"),
}  # fmt: skip


def main(part: str = "1/1") -> int:
    number, parts = (int(x) for x in part.split("/"))
    first, last = (len(MUTANTS) * n // parts for n in (number - 1, number))
    chosen = dict(list(MUTANTS.items())[first:last])
    alive = []
    print("| broken | in | noticed by |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__")
        for room in ("engine", "calibration", "training", "cli"):
            shutil.copytree(ROOT / room, copy / "xscan" / room, ignore=ignored)
        shutil.copytree(ROOT / "tests", copy / "tests", ignore=ignored)
        for test in {TESTS[module] for module, _, _ in chosen.values()}:
            if caught := _noticed(copy, test):
                print(f"{test[0]} fails without a mutant: {caught}")
                return 1
        for what, (module, text, instead) in chosen.items():
            path = copy / "xscan" / module
            whole = path.read_text(encoding="utf-8")
            if whole.count(text) != 1:
                caught = ""
                print(f"the text is there {whole.count(text)} times: mend this script", file=sys.stderr)
            else:
                path.write_text(whole.replace(text, instead), encoding="utf-8")
                caught = _noticed(copy, TESTS[module])
                path.write_text(whole, encoding="utf-8")
            if not caught:
                alive.append(what)
            print(f"| {what} | {Path(module).name} | {caught or 'LIVES'} |", flush=True)
    print(f"\n{len(chosen) - len(alive)} of {len(chosen)} noticed")
    return bool(alive)


def _noticed(copy: Path, tests: tuple[str, ...]) -> str:
    """The first test that fails; empty if none does."""
    command = ["-q", "-x", "-m", "not gpu", "-p", "no:cacheprovider", *tests]
    code, said = (_forked if hasattr(os, "fork") else _spawned)(copy, command)
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code and not failed:
        return "ended"  # as pycuda would: an abort, or no test could be collected
    return failed[0].split("::", 1)[-1].split(" - ")[0] if failed else ""


def _spawned(copy: Path, command: list[str]) -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    whole = [sys.executable, "-m", "pytest", *command]
    done = subprocess.run(whole, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def _forked(copy: Path, command: list[str]) -> tuple[int, str]:
    """The same, with all libraries loaded once: most of a short test's time."""
    for name in LIBRARIES:
        importlib.import_module(name)
    sys.stdout.flush()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        child = os.fork()
        if not child:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            os.chdir(copy)
            sys.path.insert(0, str(copy))
            sys.dont_write_bytecode = True
            code = int(importlib.import_module("pytest").main(command))
            sys.stdout.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
