"""`xscan engine use`, `back`, `card`: the next night takes it, where none is named."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from xscan.engine.errors import StorageError, UsageError
from xscan.engine.network.card import UNSAID, as_markdown, card_of
from xscan.engine.runtime.choose import USED, choose, engines_folder
from xscan.engine.runtime.in_use import NAME, back, use, uses
from xscan.engine.runtime.open import find_engine, manifest_of_engine


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    engines_folder().mkdir(parents=True)
    return tmp_path


def take(engine: str) -> None:
    use(engines_folder(), engine, find_engine(engine), "2026-03-01T00:00:00Z", why="x", accepted_by="N.N.")


def test_it_is_taken_where_none_is_named_and_given_back():
    assert choose().path.name == "compact.onnx"
    take("seed")
    choice = choose()
    assert (choice.path.name, choice.by, choice.named) == ("seed.onnx", USED, False)
    assert choose("compact").path.name == "compact.onnx"
    take("compact")
    assert back(engines_folder()).engine == "seed"  # type: ignore[union-attr]
    assert choose().path.name == "seed.onnx"
    assert back(engines_folder()) is None
    assert choose().by == "default"
    with pytest.raises(UsageError, match="no change"):
        back(engines_folder())


def test_a_file_is_found_again_from_any_folder(home: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copy(find_engine("seed"), home / "own")  # a name without an ending, as a shipped one's
    monkeypatch.chdir(home)
    take("own")
    monkeypatch.chdir(home.parent)
    assert choose().path == home / "own"


def test_a_file_that_was_changed_or_is_gone_is_told_and_not_used(home: Path):
    own = home / "own.onnx"
    shutil.copy(find_engine("seed"), own)
    take(str(own))
    assert choose().path == own
    own.write_bytes(own.read_bytes() + b"\0")
    assert (choose().by, "not the file" in choose().passed_over) == ("default", True)
    own.unlink()
    assert "is not there" in choose().passed_over


def test_a_change_holds_its_note():
    take("seed")
    content = json.loads((engines_folder() / NAME).read_text(encoding="utf-8"))
    assert content["uses"][0]["accepted_by"] == "N.N."
    assert len(uses(engines_folder())) == 1


@pytest.mark.parametrize("name", ["compact", "seed"])
def test_a_card_says_what_the_manifest_says_and_no_more(name: str):
    manifest = manifest_of_engine(find_engine(name))
    card = card_of(manifest)
    text = as_markdown(card)
    assert f"{manifest.rule_out.threshold:.4f}" in text
    assert card["CHAI"]["intended use and workflow"] == manifest.intended_use
    assert card["CHAI"]["funding"] == UNSAID
    assert ("1 to 6 years" in text) is bool(manifest.gate)
    assert len(card["CLAIM 2024"]) >= 20


def test_a_note_on_a_disk_that_fails_is_not_begun_anew(monkeypatch: pytest.MonkeyPatch):
    take("seed")

    def fails(_: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fails)
        with pytest.raises(StorageError, match=f"{NAME} cannot be read"):
            take("compact")
    assert [one.engine for one in uses(engines_folder())] == ["seed"]
