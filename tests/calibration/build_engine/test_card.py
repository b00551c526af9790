"""build-engine where a GPU answers, on the strict stand-in: the plan is opened, judged, timed, and written last."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from xscan.calibration.acceptance.verdict import Tolerances
from xscan.calibration.build_engine import card
from xscan.calibration.build_engine.accept import Refused
from xscan.calibration.build_engine.build import build
from xscan.calibration.build_engine.settings import BuildSettings, Say
from xscan.engine.errors import EngineError
from xscan.engine.network.models import DEFAULT
from xscan.engine.network.sidecar import read_sidecar, sha256
from xscan.engine.runtime.open import find_engine, open_runtime
from xscan.engine.runtime.rebuild import rebuild, rebuild_if_needed
from xscan.engine.runtime.tensorrt import TensorRtRuntime

from ...engine.runtime.fakes.card import collected, forget, put
from ...engine.runtime.fakes.driver import Driver
from ...engine.runtime.fakes.module import Outputs, TensorRt
from .. import networks

ALWAYS = Tolerances(*[1] * 9)
CARD = "NVIDIA Stand-In RTX"


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    with collected():
        yield


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> Iterator[TensorRt]:
    driver = Driver()
    yield put(monkeypatch, driver)["tensorrt"]
    gc.collect()
    driver.assert_clean()
    forget()


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Milliseconds that a batch takes in each precision; it is run all the same."""
    paces = {"int8": 1.0, "fp16": 2.0, "fp32": 3.0}

    def measure(runtime: TensorRtRuntime, batch: int, seconds: float) -> SimpleNamespace:
        spec = runtime.manifest.input
        runtime.run(np.zeros((batch, spec.height, spec.width, 1), np.uint8))
        return SimpleNamespace(p50_ms=paces[runtime.description.split(",")[0].split()[-1]])

    monkeypatch.setattr(card, "measure", measure)
    monkeypatch.setattr(card, "ROUNDS", 1)
    return paces


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for number, picture in enumerate(networks.pictures(40, seed=1)):
        name = ("normal", "bacteria", "virus")[number % 3]
        (folder / name).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name / f"{number}.png"), picture[:, :, 0])
    return folder


@pytest.fixture
def settings(tmp_path: Path, films: Path) -> BuildSettings:
    model = tmp_path / "small.onnx"
    model.write_bytes(networks.residual().SerializeToString())
    (tmp_path / "out").mkdir()
    return BuildSettings(
        model, tmp_path / "out" / "small.engine", "int8", "tensorrt", calibrate=films, films=24, accept=films,
        limits=ALWAYS, max_batch=8,
    )  # fmt: skip


def written(settings: BuildSettings) -> list[str]:
    return sorted(path.name for path in settings.out.parent.iterdir())


def broken(only: str) -> Callable[[str, Outputs], Outputs]:
    """A compiler that makes other numbers of one precision."""

    def change(precision: str, outputs: Outputs) -> Outputs:
        if precision != only:
            return outputs
        return outputs | {"logits": np.ascontiguousarray(outputs["logits"][:, ::-1])}

    return change


@pytest.mark.parametrize(("precision", "other"), [("int8", "fp16"), ("fp16", "fp32"), ("fp32", "")])
def test_the_plan_is_judged_on_films_before_it_is_written(
    settings: BuildSettings, trt: TensorRt, precision: str, other: str
):
    seen: list[list[str]] = []
    trt.change = lambda _, outputs: (seen.append(written(settings)), outputs)[1]
    sidecar = build(replace(settings, precision=precision)).sidecar
    assert sidecar == read_sidecar(settings.out)
    assert sidecar.sha256["engine"] == sha256(settings.out.read_bytes())
    assert seen
    assert not any(name.endswith((".engine", ".engine.json")) for names in seen for name in names)
    gate = sidecar.gate
    assert gate["measured_on"] == f"tensorrt 11.4.0 {precision}, {CARD}"
    assert gate["accepted"] is True
    assert gate["labelled"] is True
    assert gate.get("graph", {}).get("measured_on") == (None if precision == "fp32" else "onnxruntime")
    assert [key for key in gate if key.startswith("speed_against")] == ([f"speed_against_{other}"] if other else [])
    assert sidecar.compiled == {"stem": "Int8"}
    pictures = networks.pictures(11)
    with open_runtime(settings.out) as runtime:
        found = runtime.run(pictures)
    assert np.abs(found - open_runtime(settings.model).run(pictures)).max() < 0.1 * np.ptp(found)


@pytest.mark.parametrize(
    ("milliseconds", "taken"), [((1, 2, 3), "int8"), ((3, 1, 2), "fp16"), ((3, 3, 1), "fp32"), ((2, 3, 1), "int8")]
)
def test_auto_takes_what_is_faster_on_the_card(
    settings: BuildSettings, trt: TensorRt, pace: dict[str, float], milliseconds: tuple[int, ...], taken: str
):
    pace.update(zip(("int8", "fp16", "fp32"), milliseconds, strict=True))
    notes: list[str] = []
    assert build(replace(settings, precision="auto"), Say(note=notes.append)).sidecar.precision == taken, notes
    assert any("time here" in note for note in notes)


def test_timings_are_kept_and_no_other_file_is_written_over(settings: BuildSettings, films: Path, trt: TensorRt):
    kept, film = settings.out.with_name("timings"), settings.out.with_name("film.png")
    for _ in range(2):
        build(replace(settings, precision="fp32", timing_cache=kept))
        assert kept.read_bytes() == b"timings"
    film.write_bytes(next(films.glob("*/*.png")).read_bytes())
    before, said = film.read_bytes(), list[str]()
    build(replace(settings, precision="fp32", timing_cache=film), Say(builder=said.append))
    assert film.read_bytes() == before
    assert said == [
        f"{film} holds no timings that this TensorRT takes: it stays as it is, delete it to have it made anew"
    ]
    kept.unlink()
    kept.symlink_to(film)
    build(replace(settings, precision="fp32", timing_cache=kept))
    assert (film.read_bytes(), kept.is_symlink()) == (before, True)


def test_a_plan_that_is_not_its_graph_is_refused_and_nothing_is_written(settings: BuildSettings, trt: TensorRt):
    trt.change = broken("int8")
    strict = replace(settings, limits=Tolerances(*[0.2] * 9))
    with pytest.raises(Refused, match=f"surely over the limit on tensorrt 11.4.0 int8, {CARD}"):
        build(strict)
    assert not [name for name in written(settings) if name.endswith((".engine", ".json", ".onnx"))]
    said: list[str] = []
    assert build(replace(strict, precision="auto"), Say(warn=said.append)).sidecar.precision == "fp16"
    assert any("int8 refused" in text and "the engine is FP16" in text for text in said)
    gate = build(replace(strict, force=True)).sidecar.gate
    assert (gate["forced"], gate["accepted"]) == (True, False)


def test_without_films_a_plan_is_held_against_its_graph_on_phantoms(tmp_path: Path, trt: TensorRt):
    out = tmp_path / "compact.engine"
    settings = BuildSettings(find_engine(DEFAULT), out, "int8", "tensorrt")
    built = build(settings)
    gate = built.sidecar.gate
    assert (gate["accepted"], gate["measured_on"], gate["measured_now"]) == (True, "onnxruntime", False)
    assert gate["plan"]["agrees"] is True
    assert gate["plan"]["measured_on"] == f"tensorrt 11.4.0 int8, {CARD}"
    assert "says nothing of accuracy" in (built.agreement.as_text() if built.agreement else "")
    trt.change = broken("int8")
    out.unlink()
    with pytest.raises(Refused, match="does not give what its graph gives"):
        build(settings)
    assert not out.exists()
    assert build(replace(settings, precision="auto")).sidecar.precision == "fp16"
    assert build(replace(settings, precision="fp32")).sidecar.gate["measured_on"] == "nothing"


def test_whatever_call_fails_nothing_is_written(settings: BuildSettings, monkeypatch: pytest.MonkeyPatch):
    settings = replace(settings, precision="fp16")
    whole = Driver()
    put(monkeypatch, whole)
    build(settings)
    for path in settings.out.parent.iterdir():
        path.unlink()
    said: list[str] = []
    first = {name: whole.calls.index(name) + 1 for name in whole.calls}
    for number in sorted(first.values()):
        driver = Driver()
        driver.fail_at = number
        put(monkeypatch, driver)
        try:
            build(settings)
        except EngineError as error:
            said.append(str(error))
            assert settings.out.name not in written(settings)
        gc.collect()
        driver.assert_clean()
        for path in settings.out.parent.iterdir():
            path.unlink()
    forget()
    assert len(said) >= 15
    assert all(text.isprintable() for text in said)


def test_a_rebuilt_plan_has_no_verdict_of_the_old_one(settings: BuildSettings, trt: TensorRt):
    before = build(settings).sidecar
    settings.out.write_bytes(b"half of it")
    said: list[str] = []
    assert rebuild_if_needed(settings.out, said.append)
    after = read_sidecar(settings.out)
    assert after.gate["measured_on"] == "onnxruntime"
    assert after.gate["lines"] == before.gate["graph"]["lines"]
    assert after.gate["plan"]["agrees"] is True
    assert "on 24 phantoms" in said[-1]
    trt.change = broken("int8")
    with pytest.raises(EngineError, match="does not give what its graph gives"):
        rebuild(settings.out, after, lambda _: None)
    assert read_sidecar(settings.out) == after
