"""Training without TensorFlow: Keras on torch or jax, where they are installed."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

from ...conftest import Xscan
from ..films import labelled, striped


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_trains_and_exports(backend: str, tmp_path: Path, xscan: Xscan) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    labelled(tmp_path / "films", 20, striped(40), lambda name, i: f"{name}{i},{i % 10}")

    env = os.environ | {"KERAS_BACKEND": backend}
    command = ["train", "films", "--architecture", "compact", "--option", "filters = [16, 16]", "--size", "32"]
    command += ["--validate", "8", "--batch-size", "8", "--epochs", "2", "--out", "run", "-q"]
    done = xscan(*command, cwd=tmp_path, env=env, timeout=1800)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["versions"]["backend"], record["finished"]) == (backend, True)
    assert record["settings"]["options"] == {"filters": [16, 16]}
    if importlib.util.find_spec("tensorflow"):
        done = xscan("export", "run", "--data", "films", "--out", "small.onnx", cwd=tmp_path, env=env, timeout=1800)
        assert done.returncode == 0, done.stderr
