"""Training without TensorFlow: Keras on torch or jax, where they are installed."""

import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.engine import CLASSES

from ...conftest import Xscan


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_trains_and_exports(backend: str, tmp_path: Path, xscan: Xscan) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (tmp_path / "films" / name).mkdir(parents=True)
        for i in range(20):
            picture = rng.integers(0, 60, (40, 40), np.uint8)
            picture[:, label * 13 : label * 13 + 13] += 150
            cv2.imwrite(str(tmp_path / "films" / name / f"{i}.png"), picture)
    lines = [f"{name}/{i}.png,{name}{i},{i % 10}" for name in CLASSES for i in range(20)]
    (tmp_path / "films.csv").write_text("\n".join(["file,patient,fold", *lines]))

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
