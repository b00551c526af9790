"""Tables of xscan.toml beside [batch]: a word too many or a value of another kind is said, and nothing is done."""

from pathlib import Path

import pytest

from xscan.engine.lists.table import HEADER

from ...conftest import Here


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a list in it and no settings of a user's."""
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "list.csv").write_bytes(HEADER)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "lines", "said"),
    [
        ("report", '[viewer]\nuri = "https://v/{study}"', "[viewer] has no 'uri': it takes url"),
        ("report", "[viewer]\nurl = 3", "[viewer] url must be a text in quotes"),
        ("report", '[viewer]\nurl = "javascript:{study}"', "[viewer] url: "),
        ("report", "[page]\nlarge = 3", "[page] has no 'large': it takes large-megabytes"),
        ("report", '[page]\nlarge-megabytes = "many"', "[page] large-megabytes must be a number from 0"),
        ("history", '[nights]\nfolder = "x"', "[nights] has no 'folder': it takes state, a folder"),
        ("history", "[nights]\nstate = 3", "[nights] state must be a text in quotes"),
        ("triage", "[operating-points]\nrule_in = 0.9", "[operating-points] has no 'rule_in'"),
    ],
)
@pytest.mark.parametrize("by_config_show", [False, True])
def test_a_mistake_in_a_table_is_one_line(
    place: Path, here: Here, command: str, lines: str, said: str, by_config_show: bool
) -> None:
    (place / "xscan.toml").write_text(lines + "\n", encoding="utf-8")
    words = {"report": ["list.csv"], "triage": ["list.csv", "--out", "other.csv", "--engine", "seed"]}.get(command, [])
    before = sorted(place.iterdir())
    ended = here("config", "show") if by_config_show else here(command, *words)
    assert ended.code == 2, ended.said
    assert ended.said.startswith("xscan: ")
    assert said in ended.said
    assert ended.said.count("\n") == 1
    assert sorted(place.iterdir()) == before


def test_settings_are_shown_to_one_who_may_not_read_the_password(place: Path, here: Here) -> None:
    lines = ("[pacs.main]", 'url = "https://pacs.example/dicom-web"', 'user = "xscan"', 'password-file = "gone"')
    (place / "xscan.toml").write_text("\n".join(lines), encoding="utf-8")
    ended = here("config", "show")
    assert (ended.code, ended.said) == (0, "")
    assert "pacs.main" in ended.out
    (place / "xscan.toml").write_text("\n".join(lines).replace("url", "uri"), encoding="utf-8")
    ended = here("config", "show")
    assert (ended.code, ended.said.count("\n")) == (2, 1), ended.said
    assert "uri" in ended.said


def test_a_pacs_that_no_settings_file_names_is_said_with_what_to_do(place: Path, here: Here) -> None:
    ended = here("pacs", "test", "archive")
    assert (ended.code, ended.said.count("\n")) == (2, 1)
    assert "no [pacs.archive]" in ended.said
    assert "docs/pacs.md" in ended.said


def test_a_list_without_its_run_report_asks_for_the_engine(place: Path, here: Here) -> None:
    ended = here("triage", "list.csv", "--out", "other.csv", "--rule-in", "0.9")
    assert ended.code == 4
    assert "name the engine that made the list with --engine" in ended.said
    assert not (place / "other.csv").exists()
