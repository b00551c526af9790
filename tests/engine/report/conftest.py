"""The morning page of a made-up night, opened in Chromium driven by Playwright."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.lists.table import Row
from xscan.engine.report.page import PageOptions, write_page

from .chromium import PROGRAM
from .lists import MANIFEST, PhantomPictures, by_place, heard, made_up_rows, write_list

VIEWER = "https://pacs.example/viewer?StudyInstanceUIDs={study_uid}"
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    with (
        sync_playwright() as driver,
        closing(driver.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox", "--disable-gpu"])) as browser,
    ):
        yield browser


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return made_up_rows(200)


@pytest.fixture(scope="module")
def csv(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    csv = tmp_path_factory.mktemp("page") / "night.csv"
    write_list(csv, rows)
    studies = [row.study_uid for row in by_place(rows)]
    news = heard([row.file for row in rows[::3]], dict(zip(studies, studies[9:], strict=False)))
    write_page(csv, csv.with_suffix(".html"), PageOptions("en", MANIFEST, VIEWER, news=news), PhantomPictures(3, 640))
    return csv


@pytest.fixture
def opened(browser: Any, csv: Path) -> Iterator[Open]:
    """Opens the page in a browser of its own, which has kept nothing; no error and no request is let pass."""
    contexts, complaints = [], []

    def open_page(**options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: complaints.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(csv.with_suffix(".html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
