"""A PACS in xscan.toml: what is taken, what is refused, and where secrets may come from."""

import os
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.errors import UsageError
from xscan.engine.pacs.destinations import Kind, Way, is_plain, named

MAIN = {"aet": "PACS", "host": "10.0.0.5"}


def one(**table: Any):
    content = {key.replace("_", "-"): value for key, value in table.items()}
    return named({"main": content}, "main", Path("/etc/xscan"))


def test_defaults() -> None:
    found = one(**MAIN)
    assert (found.port, found.calling, found.send, found.retrieve) == (104, "XSCAN", (Kind.SR, Kind.SC), Way.GET)
    web = one(url="https://pacs.example/dicom-web/")
    assert (web.retrieve, web.send_by_web, web.url) == (Way.WEB, True, "https://pacs.example/dicom-web")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "neither host nor url"),
        ({"host": "10.0.0.5"}, "no aet"),
        (MAIN | {"password": "x"}, "XSCAN_PACS_MAIN_PASSWORD"),
        (MAIN | {"token": "x"}, "XSCAN_PACS_MAIN_TOKEN"),
        (MAIN | {"speed": "fast"}, "speed: is no setting: see docs"),
        (MAIN | {"retreive": "move"}, "did you mean retrieve"),
        (MAIN | {"host": "10.0.0.5:104"}, "its port is a setting of its own"),
        (MAIN | {"aet": "SEVENTEEN LETTERS"}, "AE title"),
        (MAIN | {"aet": "A\\B"}, "AE title"),
        (MAIN | {"aet": "A\nB"}, "aet"),
        (MAIN | {"host": "10.0.0.5 104"}, "host"),
        (MAIN | {"port": 0}, "port"),
        (MAIN | {"port": True}, "port"),
        (MAIN | {"send": ["pdf"]}, "send"),
        (MAIN | {"retrieve": "ftp"}, "retrieve"),
        (MAIN | {"retrieve": "move"}, "move-aet"),
        (MAIN | {"retrieve": "web"}, "no url"),
        (MAIN | {"off_peak": "22-6"}, "off-peak"),
        (MAIN | {"tls": "yes"}, "tls"),
        (MAIN | {"certificate_file": "c.pem"}, "key-file"),
        ({"url": "ftp://pacs/"}, "url"),
        ({"url": "https://me:secret@pacs/"}, "url"),
        ({"url": "https://pacs/?x=1"}, "url"),
    ],
)
def test_mistakes_name_the_setting(table: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        one(**table)
    assert "secret@" not in str(error.value)


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(UsageError, match=r"there: main"):
        named({"main": MAIN}, "mian", Path())


def test_off_peak_hours_go_across_midnight() -> None:
    found = one(**MAIN, off_peak="22:00-06:00")
    assert [found.may_fetch(time(hour)) for hour in (21, 22, 3, 6, 12)] == [False, True, True, False, False]
    assert one(**MAIN).may_fetch(time(12))


def test_secrets_come_from_the_environment_or_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\n")
    found = one(url="https://pacs/x", user="me", password_file=str(file))
    file.chmod(0o600)
    assert found.credentials().password == "from the file"
    assert "from the file" not in repr(found.credentials()) + repr(found)
    monkeypatch.setenv("XSCAN_PACS_MAIN_PASSWORD", "from the environment")
    assert found.credentials().password == "from the environment"
    monkeypatch.delenv("XSCAN_PACS_MAIN_PASSWORD")
    if os.name != "nt":
        file.chmod(0o640)
        with pytest.raises(UsageError, match="chmod 600"):
            found.credentials()
    file.unlink()
    with pytest.raises(UsageError, match="no file"):
        found.credentials()


def test_no_password_goes_unencrypted_over_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XSCAN_PACS_MAIN_TOKEN", "secret")
    with pytest.raises(UsageError, match="https"):
        one(url="http://pacs.example/x").credentials()
    assert one(url="http://127.0.0.1/x").credentials().token == "secret"
    assert one(url="https://pacs.example/x").credentials().token == "secret"


def test_unencrypted_ways_are_known() -> None:
    assert is_plain(one(**MAIN))
    assert not is_plain(one(**MAIN, tls=True))
    assert not is_plain(one(aet="PACS", host="127.0.0.1"))
    assert is_plain(one(url="http://pacs.example/x"))
