"""An actor that owns a card, on the strict stand-in: its engine is built where it runs, once, and workers feed it."""

from pathlib import Path

import pytest

from xscan.calibration.build_engine import card
from xscan.calibration.build_engine.on_node import engine_here
from xscan.engine.archive.scanner import Scanner
from xscan.engine.archive.settings import ActorSettings
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.find.discover import discover
from xscan.engine.network.sidecar import read_sidecar, read_whole, sha256
from xscan.engine.runtime import agreement, bench
from xscan.engine.runtime.open import find_engine

from ..runtime.fakes.card import collected, forget, put
from ..runtime.fakes.driver import Driver

pytestmark = pytest.mark.filterwarnings("default")


def test_the_engine_is_built_on_first_use_for_this_kind_of_card(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(card, "SECONDS", 0.02)
    monkeypatch.setattr(bench, "WINDOW_S", 0.005)
    monkeypatch.setattr(agreement, "PHANTOMS", 2)
    network = find_engine("compact")
    settings = BatchSettings(phantoms, tmp_path / "list.csv", network, 1)
    found = list(discover(phantoms))[:5]
    with collected(), pytest.MonkeyPatch.context() as patch:
        answers = []
        for built in (True, False):
            driver = Driver()
            modules = put(patch, driver)
            actor = Scanner(ActorSettings(settings, {}, build=engine_here))
            said = actor.ready()
            assert said["engine"] == sha256(read_whole(network)), said
            assert any(module.built for module in modules.values()) is built
            answers.append(actor.scan(found)["rows"])
            actor.close()
            driver.assert_clean()
        driver = Driver()
        driver.name = b"Another"
        put(patch, driver)
        other = engine_here(network)
    forget()
    engines = sorted((tmp_path / "xscan" / "engines").glob("*.engine"))
    assert len(engines) == 2
    assert other in engines
    assert {read_sidecar(engine).precision for engine in engines} == {"fp16"}
    assert answers[0] == answers[1]
    plain = Scanner(ActorSettings(settings, {}))
    plain.ready()
    assert [row[:3] for row in answers[0]] == [row[:3] for row in plain.scan(found)["rows"]]
    plain.close()


def test_a_node_without_a_card_says_so(phantoms: Path, tmp_path: Path) -> None:
    actor = Scanner(
        ActorSettings(BatchSettings(phantoms, tmp_path / "l.csv", find_engine("compact"), 1), {}, build=engine_here)
    )
    said = actor.ready()
    assert said["kind"] == "EngineError"
    assert "no NVIDIA GPU answers here" in said["error"]
