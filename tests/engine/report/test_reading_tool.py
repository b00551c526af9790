"""The morning page as a reader uses it: by hand and by keyboard alone, in Chromium driven by Playwright."""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from xscan.calibration.audit import audit
from xscan.engine.disk.hostile import cell
from xscan.engine.lists.table import Row
from xscan.engine.report.page import PageOptions, write_page

from .chromium import PROGRAM
from .conftest import VIEWER, Open
from .lists import HOSTILE, MANIFEST, by_place, heard, made_up_rows, write_list

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")


def picked(page: Any) -> str:
    return page.text_content(".item[aria-selected=true] .cut:last-child")


def style(page: Any, of: str) -> str:
    return page.evaluate(
        f"getComputedStyle(document.getElementById('{of}')).{'transform' if of == 'stage' else 'filter'}"
    )


def until(page: Any, expression: str) -> None:
    """Wait for it from here: Playwright's own waiting evaluates text in the page, which the page's policy forbids."""
    deadline = time.monotonic() + 60
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def test_early_films_are_large_and_the_panel_grows_with_the_window(opened: Open) -> None:
    page = opened()
    until(page, "document.getElementById('film').naturalWidth >= 512")
    small = page.evaluate("document.getElementById('view').clientWidth")
    page.set_viewport_size({"width": 3840, "height": 2160})
    until(page, f"document.getElementById('stage').offsetWidth > {2 * small}")
    page.keyboard.press("3")  # routine films have a small one, and the page says so
    until(page, "document.getElementById('film').naturalWidth == 192")
    assert "small picture" in page.text_content("#smallonly")


def test_zoom_pan_window_and_invert_by_keyboard_and_by_hand(opened: Open) -> None:
    page = opened()
    until(page, "document.getElementById('film').naturalWidth >= 512")
    plain = style(page, "stage")
    for _ in range(4):
        page.keyboard.press("+")
    near = style(page, "stage")
    page.keyboard.press("Shift+ArrowLeft")
    moved = style(page, "stage")
    assert len({plain, near, moved}) == 3
    page.keyboard.press("i")
    assert "url" in style(page, "film")
    assert float(page.get_attribute("#window feFuncR", "slope")) == -1
    page.keyboard.press("v")
    assert (style(page, "stage"), style(page, "film")) == (plain, "none")
    box = page.locator("#view").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.wheel(0, -300)
    assert style(page, "stage") != plain
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 40, box["y"] + 120)
    page.mouse.up(button="right")
    assert float(page.get_attribute("#window feFuncR", "slope")) > 1
    page.dblclick("#view")
    assert (style(page, "stage"), style(page, "film")) == (plain, "none")
    page.focus("#width")
    page.keyboard.press("ArrowLeft")
    assert "url" in style(page, "film")


def test_full_screen_shows_the_film_and_keys_go_on(opened: Open) -> None:
    page = opened()
    page.keyboard.press("f")
    until(page, "document.fullscreenElement?.id == 'look'")
    before = picked(page)
    page.keyboard.press("ArrowDown")
    assert picked(page) != before
    assert page.evaluate("document.fullscreenElement?.id") == "look"
    page.keyboard.press("f")
    until(page, "document.fullscreenElement === null")


def test_marks_by_keyboard_are_kept_hidden_and_taken_by_audit(
    opened: Open, rows: list[Row], csv: Path, tmp_path: Path
) -> None:
    page = opened()
    order = by_place(rows)
    page.keyboard.press("r")  # the first is read: as the list says
    page.keyboard.press("n")
    assert picked(page) == order[1].file
    page.keyboard.press("x")  # the second is disputed: it is the other thing
    page.keyboard.press("n")
    page.select_option("#truth", "virus")  # the third: what the reader says
    page.fill("#note", "=1+1, seen; =2")
    page.keyboard.press("Tab")
    page.reload()
    assert page.locator(".item.isread").count() == 3
    page.keyboard.press("h")
    assert page.locator(".item.isread").count() == 0
    page.keyboard.press("h")
    page.keyboard.press("/")
    page.keyboard.type(HOSTILE[:10])
    page.select_option("#truth", "normal")
    until(page, "document.getElementById('export').textContent.includes('4')")
    with page.expect_download() as waiting:
        page.click("#export")
    truth = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(truth)
    assert truth.name == "truth.csv"
    found = audit([csv], truth, MANIFEST)
    assert (found.matched, found.unmatched_truth) == (4, 0)
    lines = truth.read_text("utf-8").splitlines()
    assert lines[0] == "file,truth,note"
    said = {order[0].file: order[0].finding, order[1].file: "normal", order[2].file: "virus"}
    if order[0].status == "review":  # read, but nothing that the network might decide on
        del said[order[0].file]
    for file, what in said.items():
        assert any(line.startswith(f"{file},{what},") for line in lines), (file, lines)
    assert sum(f'"{cell("=1+1, seen; =2")}"' in line for line in lines) == 1  # the page's rule is the list's
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "film-0" not in kept
    assert HOSTILE[:10] not in kept


def test_a_doubtful_film_looks_doubtful_and_can_be_asked_for(opened: Open, rows: list[Row]) -> None:
    page = opened()
    page.keyboard.press("u")
    wanted = [row for row in by_place(rows) if row.status == "review"]
    assert page.text_content("#found").startswith(str(len(wanted)))
    assert page.locator(".item .badge").count() == page.locator(".item").count() > 0
    assert "patient is an adult" in page.text_content("#words .why")
    assert page.text_content("#words .why").lower().count("adult") == 1  # said once
    page.keyboard.press("l")
    assert "paciente adulto" in page.text_content("#words .why")
    assert "by its" not in page.text_content("#words")


def test_matches_in_other_bands_and_the_state_over_a_reload(opened: Open, rows: list[Row]) -> None:
    page = opened()
    page.keyboard.press("1")
    page.keyboard.press("/")
    page.keyboard.type("film-0004")
    wanted = [row for row in rows if "film-0004" in row.file and row.priority]
    here = sum(row.priority == "urgent" for row in wanted)
    assert page.text_content("#elsewhere").startswith(f"{len(wanted) - here} more")
    page.click("#elsewhere")
    assert page.text_content("#found").startswith(str(len(wanted)))
    page.keyboard.press("ArrowDown")
    page.click("#theme")
    before = picked(page)
    page.reload()
    assert page.input_value("#search") == "film-0004"
    assert page.text_content("#found").startswith(str(len(wanted)))
    assert picked(page) == before
    assert page.get_attribute("html", "data-theme") == "dark"


def test_a_long_name_keeps_its_end_and_is_whole_on_demand(browser: Any, tmp_path: Path) -> None:
    rows = made_up_rows(4)
    for i, row in enumerate(rows):
        row.file = f"{'a-very-long-ward-name/' * 8}film-{i:05d}.dcm"
    write_list(tmp_path / "long.csv", rows)
    write_page(tmp_path / "long.csv", tmp_path / "long.html", PageOptions("en", MANIFEST), None)
    with closing(browser.new_page(viewport={"width": 1440, "height": 900})) as page:
        page.goto((tmp_path / "long.html").as_uri())
        name, end = (page.locator(f".item .name{part}").first.bounding_box() for part in ("", " .z"))
        assert end["x"] + end["width"] <= name["x"] + name["width"] + 1  # the end is seen
        assert rows[0].file[:-9] in page.text_content("#words")


def test_links_into_the_viewer_hold_uids_alone(opened: Open, rows: list[Row]) -> None:
    page = opened()
    film = by_place(rows)[0]
    assert page.get_attribute("#viewerlink", "href") == VIEWER.replace("{study_uid}", film.study_uid)
    assert "noopener" in page.get_attribute("#viewerlink", "rel")


def test_a_study_has_the_band_that_its_frontal_film_gives_it(browser: Any, tmp_path: Path) -> None:
    rows = [row for row in made_up_rows(300) if row.priority == "urgent" and row.status == "ok"][:2]
    lateral, frontal = rows
    for row in rows:
        row.study_uid = "1.2.3"
    lateral.status, lateral.reason = "review", "view: lateral"
    frontal.priority, frontal.finding, frontal.p_pneumonia = "routine", "normal", "0.0100"
    write_list(tmp_path / "study.csv", rows)
    write_page(tmp_path / "study.csv", tmp_path / "study.html", PageOptions("en", MANIFEST), None)
    with closing(browser.new_page(viewport={"width": 1440, "height": 900})) as page:
        page.goto((tmp_path / "study.html").as_uri())
        assert picked(page) == lateral.file  # by film the urgent lateral goes first
        page.keyboard.press("s")
        assert page.locator(".item").count() == 1
        assert picked(page) == frontal.file
        assert "Review" in page.text_content(".item .chip")  # doubtful with the lateral: not routine
        page.keyboard.press("2")
        assert page.locator(".item").count() == 1


def test_what_is_new_tonight_can_be_asked_for(browser: Any, tmp_path: Path) -> None:
    rows = made_up_rows(60)
    write_list(tmp_path / "new.csv", rows)
    scored = [row.file for row in rows if row.priority]

    options = PageOptions("en", MANIFEST, news=heard(scored[:7]))
    write_page(tmp_path / "new.csv", tmp_path / "new.html", options, None)
    with closing(browser.new_page()) as page:
        page.goto((tmp_path / "new.html").as_uri())
        page.keyboard.press("t")
        assert page.text_content("#found").startswith("7 ")
        assert page.text_content("#fresh") == "New tonight (7)"


def test_an_earlier_study_is_shown_or_named(browser: Any, tmp_path: Path) -> None:
    rows = [row for row in made_up_rows(300) if row.priority == "urgent" and row.status == "ok"][:3]
    for i, row in enumerate(rows):
        row.study_uid, row.modified = f"1.2.{i}", f"2026-11-2{i}T00:00:00.000000Z"
    rows[2].priority, rows[2].finding, rows[2].p_pneumonia = "routine", "normal", "0.0100"
    write_list(tmp_path / "list.csv", rows)

    options = PageOptions("en", MANIFEST, VIEWER, news=heard(earlier={"1.2.0": "1.2.2", "1.2.1": "1.2.77"}))
    write_page(tmp_path / "list.csv", tmp_path / "list.html", options, None)
    with closing(browser.new_page()) as page:
        page.goto((tmp_path / "list.html").as_uri())
        page.keyboard.press("1")  # the earlier study is of another band
        assert "Routine" in page.text_content(".earlier .other")
        assert page.get_attribute(".earlier a", "href") == VIEWER.replace("{study_uid}", "1.2.2")
        page.click("#earlier")
        assert rows[2].file in page.text_content("#words .facts")
        assert page.locator(".earlier").count() == 0
        page.keyboard.press("r")  # what is done to it does not lose it
        assert rows[2].file in page.text_content("#words .facts")
        page.keyboard.press("j")
        assert picked(page) == rows[1].file
        assert "not in this list" in page.text_content(".earlier")
        assert page.get_attribute(".earlier a", "href") == VIEWER.replace("{study_uid}", "1.2.77")


def test_what_is_read_with_read_ones_hidden_goes_to_the_next_and_not_to_the_top(opened: Open, rows: list[Row]) -> None:
    page = opened()
    page.keyboard.press("h")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("r")
    assert picked(page) == by_place(rows)[5].file
    page.keyboard.press("h")
    page.keyboard.press("s")
    page.keyboard.press("Home")
    other = page.locator(".strip button:not([aria-current])").first
    other.focus()
    page.keyboard.press("Enter")
    file = page.text_content("#words .facts dd")
    page.keyboard.press("r")
    assert page.text_content("#words .facts dd") == file  # a study's other film stays in hand
    assert page.locator(".item[aria-selected=true]").count() == 1


def test_a_phone_shows_cards_and_the_film_on_a_tap(opened: Open) -> None:
    page = opened(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.is_visible("#detail")
    page.tap("#doubtful")
    card, *parts = (page.locator(f".item{of}").first.bounding_box() for of in ("", " .found1", " .two", " .name"))
    for above, below in zip(parts, [*parts[1:], {"y": card["y"] + card["height"]}], strict=True):
        assert above["y"] + above["height"] <= below["y"] + 1  # nothing lies over another
    page.tap(".item >> nth=1")
    assert page.is_visible("#detail")
    page.tap("#back")
    assert not page.is_visible("#detail")


def test_one_film_is_told_as_one_and_a_link_to_nothing_has_no_time(browser: Any, tmp_path: Path) -> None:
    lost = Row("gone.dcm", "failed", reason="broken-link: a link to a file that is not there", bytes="0")
    lost.modified = "1970-01-01T00:00:00.000000Z"
    write_list(tmp_path / "one.csv", [next(row for row in made_up_rows(20) if row.priority), lost])
    write_page(tmp_path / "one.csv", tmp_path / "one.html", PageOptions("en", MANIFEST), None)
    with closing(browser.new_page()) as page:
        page.goto((tmp_path / "one.html").as_uri())
        assert page.text_content("#found") == "1 film"
        assert page.text_content("#alarm").startswith("1 radiograph has no score. Nothing is known about it")
        page.keyboard.press("4")
        assert page.text_content("#found") == "1 file"
        assert "1970" not in page.text_content("body .both")


def test_paper_has_page_numbers_and_the_date(opened: Open) -> None:
    page = opened()
    assert "counter(pages)" in page.evaluate("document.querySelector('style').textContent")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert "printed" in page.text_content("#paper caption")
    assert page.pdf(format="A4")[:4] == b"%PDF"
