"""Links to a clinic's own viewer: which addresses are taken, and what goes into them."""

import json
import re
from pathlib import Path

import pytest

from xscan.engine.errors import UsageError
from xscan.engine.lists.table import Row
from xscan.engine.report.page import PageOptions, write_page
from xscan.engine.report.viewer import address, check_pattern

from ...conftest import Xscan
from .lists import made_up_rows, write_list

OHIF = "https://pacs.example/viewer?StudyInstanceUIDs={study_uid}"


@pytest.mark.parametrize(
    ("pattern", "link"),
    [
        (OHIF, "https://pacs.example/viewer?StudyInstanceUIDs=1.2.3"),
        (
            "weasis://%24dicom%3Aget%20-w%20x%3FstudyUID={study_uid}",
            "weasis://%24dicom%3Aget%20-w%20x%3FstudyUID=1.2.3",
        ),
        (
            "http://orthanc:8042/ohif/viewer?s={study_uid}&i={sop_uid}",
            "http://orthanc:8042/ohif/viewer?s=1.2.3&i=1.2.5",
        ),
    ],
)
def test_uids_are_put_in_their_places(pattern: str, link: str) -> None:
    row = Row("a.dcm", "ok", study_uid="1.2.3", series_uid="1.2.4", sop_uid="1.2.5")
    assert address(check_pattern(pattern), row) == link


@pytest.mark.parametrize("uid", ["", "1.2.3&x=1", "javascript:alert(1)", "1.2/../3", "1" * 65, "1.2.3\n"])
def test_what_is_no_uid_makes_no_link(uid: str) -> None:
    assert address(OHIF, Row("a.jpeg", "ok", study_uid=uid)) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        "javascript:alert({study_uid})",
        "data:text/html,{study_uid}",
        "file:///films/{study_uid}",
        "//pacs/{study_uid}",
        "pacs.example/{study_uid}",
        "https://pacs.example/",
        "https://pacs.example/{patient_name}/{study_uid}",
        "https://pacs.example/{study_uid!r}",
        "https://pacs.example/{study_uid}}",
        'https://pacs.example/"><script>{study_uid}',
        "https://pacs.example/{study_uid} x",
        "",
    ],
)
def test_other_addresses_are_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        check_pattern(pattern)


def test_the_page_is_told_the_address(tmp_path: Path) -> None:
    write_list(tmp_path / "night.csv", made_up_rows(3))
    write_page(tmp_path / "night.csv", tmp_path / "night.html", PageOptions(viewer=OHIF), None)
    [facts] = re.findall(r'id="facts">(.*?)</script>', (tmp_path / "night.html").read_text("utf-8"))
    assert json.loads(facts)["viewer"] == OHIF


def test_settings_name_the_viewer(xscan: Xscan, tmp_path: Path) -> None:
    write_list(tmp_path / "night.csv", made_up_rows(3))
    settings = tmp_path / "clinic.toml"
    settings.write_text(f'[viewer]\nurl = "{OHIF}"\n')
    done = xscan("--config", settings, "report", tmp_path / "night.csv")
    assert done.returncode == 0, done.stderr
    assert OHIF in (tmp_path / "night.html").read_text("utf-8")
    settings.write_text('[viewer]\nurl = "javascript:alert(1)"\n')
    done = xscan("--config", settings, "report", tmp_path / "night.csv")
    assert done.returncode == 2
    assert "[viewer] url" in done.stderr
    assert done.stderr.count("\n") == 1
