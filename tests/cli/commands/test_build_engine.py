"""`xscan build-engine`, `engine show`, `bench` and `batch` with a built engine, as a user runs them."""

import json
import shutil
from pathlib import Path

import cv2
import pytest

from ...calibration import networks
from ...conftest import Here, Xscan

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, phantoms: Path, xscan: Xscan) -> Path:
    """A folder with an INT8 engine for ONNX Runtime, calibrated on phantoms."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "small.onnx").write_bytes(networks.residual().SerializeToString())
    result = xscan(
        "build-engine", folder / "small.onnx", "--out", folder / "small.engine", "--precision", "int8",
        "--calibrate", phantoms, "--films", 8, "--runtime", "onnxruntime", "--force", "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["precision"] == "int8"
    assert data["layers"]["head"] == "fp32"
    assert data["gate"]["films"] == 8
    assert "only 8 radiographs" in result.stderr
    return folder


def test_show_tells_everything_in_text_and_json(built: Path, here: Here):
    code, text, said = here("engine", "show", built / "small.engine")
    assert code == 0, said
    for words in ("small@1", "int8", "8 radiographs", "runs here     yes", "a1"):
        assert words in text
    data = json.loads(here("engine", "show", built / "small.engine", "--json")[1])
    assert data["runs_here"] is True
    assert data["can_rebuild"] is True
    assert "fp32" in here("engine", "show", built / "small.onnx")[1]


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ({"accepted": None, "films": 8}, "undecided on 8 films"),
        ({"accepted": None}, "not measured\n"),
        ({"accepted": False, "films": 8}, "refused on 8 films"),
    ],
)
def test_show_tells_undecided_from_not_measured(built: Path, here: Here, tmp_path: Path, gate: dict, says: str):
    for file in built.glob("small.engine*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    sidecar = tmp_path / "small.engine.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text(encoding="utf-8")) | {"gate": gate}), encoding="utf-8")
    assert f"  gate          {says}" in here("engine", "show", tmp_path / "small.engine")[1]


def test_bench_prints_rates_and_latencies(built: Path, phantoms: Path, here: Here):
    engine = built / "small.engine"
    code, text, said = here(
        "bench", engine, "--batch", "1,4", "--seconds", 0.5, "--films", phantoms, "--count", 5, "--json"
    )
    assert code == 0, said
    data = json.loads(text)
    assert [rate["batch"] for rate in data["rates"]] == [1, 4]
    assert all(rate["films_a_second"] > 0 and rate["p99_ms"] >= rate["p50_ms"] for rate in data["rates"])
    assert 0 < data["decoding"]["films"] <= 5
    cold = data["cold"]
    assert cold["batch"] == 1
    assert 0 < cold["open_s"] < cold["seconds"]
    assert cold["first_ms"] > 0
    assert here("bench", engine, "--batch", "none")[0] == 2


def test_batch_scans_with_the_engine_and_refuses_a_changed_one(
    built: Path, phantoms: Path, xscan: Xscan, tmp_path: Path
):
    for file in built.glob("small.engine*"):
        shutil.copy(file, tmp_path)
    engine, out = tmp_path / "small.engine", tmp_path / "night.csv"
    scan = ("batch", phantoms, "--engine", engine, "--out", out, "--workers", 1, "--max-failures", "100%")
    result = xscan(*scan)
    assert result.returncode == 0, result.stderr
    assert ",small@1," in out.read_text(encoding="utf-8")
    assert "--force" in result.stderr or json.loads((tmp_path / "small.engine.json").read_text())["gate"]["accepted"]

    engine.write_bytes(engine.read_bytes() + b"!")
    refused = xscan(*scan, "--restart")
    assert refused.returncode == 4
    assert refused.stderr.strip().count("\n") == 0 or "warning" in refused.stderr
    assert "not the file that was built" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert xscan(*scan, "--restart", "--rebuild").returncode == 0


def test_refused_int8_ends_with_code_4_and_names_layers(here: Here, tmp_path: Path):
    films = tmp_path / "films"
    films.mkdir()
    for number, picture in enumerate(networks.pictures(40)):
        cv2.imwrite(str(films / f"{number}.png"), picture[:, :, 0])
    (tmp_path / "uneven.onnx").write_bytes(networks.uneven().SerializeToString())
    out = tmp_path / "uneven.engine"
    code, _, said = here(
        "build-engine", tmp_path / "uneven.onnx", "--out", out, "--precision", "int8",
        "--calibrate", films, "--films", 40, "--runtime", "onnxruntime",
    )  # fmt: skip
    assert code == 4, said
    assert "layers that hurt most" in said
    assert said.strip().splitlines()[-1].startswith("xscan: int8 refused: ")
    assert not out.exists()


def test_usage_mistakes_end_with_code_2(here: Here, tmp_path: Path):
    (tmp_path / "own.onnx").write_bytes(networks.residual().SerializeToString())
    for arguments in (
        ("--precision", "int3"),
        (tmp_path / "own.onnx", "--precision", "int8", "--runtime", "onnxruntime"),  # no --calibrate
        ("--runtime", "openvino"),
        ("--calibrate", tmp_path / "missing", "--precision", "int8", "--runtime", "onnxruntime"),
        ("--accept-fold", "nine"),
    ):
        code, _, said = here("build-engine", "--out", tmp_path / "x.engine", *arguments)
        assert code == 2, (arguments, said)
        assert said.startswith("xscan: ")
    assert here("build-engine", tmp_path / "missing.onnx")[0] == 4
