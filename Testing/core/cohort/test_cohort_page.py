"""The page of a batch as a real browser shows it: what needs a look first, every slice, and decisions that stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, Page

from RetrievalSAMLib.cohort.results import FAILED, Outcome, Results
from RetrievalSAMLib.cohort.review.content import worst_first
from RetrievalSAMLib.cohort.review.decisions import Decisions, read_decisions
from RetrievalSAMLib.cohort.review.page import write_page
from Testing.batch_folders import HOSTILE, SHOWN, SLICES, batch, line_of, outcome
from Testing.browsing import chromium, new_context, wait_for, wait_until

COUNT = 12


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch's folder with a page."""
    folder = tmp_path_factory.mktemp("study")
    outcomes, results = batch(folder, COUNT)
    write_page(outcomes, results, Decisions())
    return folder


LEFT = "net::ERR_ABORTED"
"""What a picture fails by that was still being read when its page was left or closed."""


def watched(context: BrowserContext, told: list[str]) -> Page:
    """A page of which nothing may complain, and which may load nothing but files."""
    opened = context.new_page()
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("requestfailed", lambda asked: told.append(f"failed: {asked.url}") if asked.failure != LEFT else None)
    local = ("file:", "data:", "blob:")
    opened.on("request", lambda asked: told.append(asked.url) if not asked.url.startswith(local) else None)
    opened.on("dialog", lambda dialog: told.append(dialog.message))
    return opened


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Light, but for tests that ask for both."""
    told: list[str] = []
    scheme = getattr(request, "param", "light")
    context = new_context(browser, color_scheme=scheme, viewport={"width": 1400, "height": 900})
    yield watched(context, told)
    context.close()
    assert told == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = new_context(browser, viewport={"width": 1400, "height": 900})
    yield opened
    opened.close()


def show(page: Page, study: Path, reviewer: str = "") -> None:
    page.goto((study / "index.html").as_uri())
    page.wait_for_selector("#pane:not([hidden])")
    if reviewer:
        page.fill("#reviewer", reviewer)
        page.keyboard.press("Tab")


def listed(page: Page) -> list[str]:
    return [text.removesuffix("outlier").strip() for text in page.locator("#list .id").all_text_contents()]


def current(page: Page) -> str:
    return page.locator("#name").inner_text()


def press(page: Page, keys: str) -> None:
    page.locator("#pane").focus()
    for key in keys.split():
        page.keyboard.press(key)


def states(page: Page) -> dict[str, str]:
    marks = page.locator("#list .mark")
    return dict(zip(listed(page), marks.evaluate_all("all => all.map(one => one.title)"), strict=True))


def test_what_is_unlike_the_library_comes_first_then_the_least_sure() -> None:
    outcomes = [outcome(1, 0.9), outcome(2, 0.3), outcome(3, 0.8, "unlike-library"), outcome(4, 0.5, "uncertain")]
    outcomes.append(Outcome("case 5", FAILED))
    assert [one.id for one in worst_first(outcomes)] == ["case 3", "case 2", "case 4", "case 1"]


def test_every_volume_is_listed_worst_first_and_failures_are_told_with_nothing_hostile_run(
    page: Page, study: Path
) -> None:
    show(page, study)
    order = ["case 5", "case 3", *(f"case {number}" for number in reversed(range(COUNT)) if number not in (3, 5))]
    assert listed(page) == order
    assert current(page) == "case 5"
    assert page.locator("#failures dt").all_inner_texts() == ["case x"]
    assert page.locator("#failures dd").inner_text() == f"the volume: {HOSTILE}"
    assert page.locator("#segments .name").first.inner_text() == HOSTILE
    assert page.locator("#verdict-pill").inner_text().startswith("unlike the library")


def test_what_headers_have_wrong_is_said_of_the_volume_that_is_shown(page: Page, tmp_path: Path) -> None:
    outcomes, results = batch(tmp_path, 6)
    told = "the slices of this volume seem to run the other way: its header may be wrong"
    outcomes[5] = replace(outcomes[5], orientation=(told,))
    write_page(outcomes, results, Decisions())
    show(page, tmp_path)
    assert current(page) == "case 5" and page.locator("#orientation").inner_text() == f"Note: {told}"
    page.locator("#next").click()
    wait_until(page, lambda: current(page) != "case 5", "the next volume is shown")
    assert page.locator("#orientation").inner_text() == ""


def test_all_slices_are_scrolled_through_with_their_outlines(page: Page, study: Path) -> None:
    show(page, study)
    assert "Axial slice 8 (S 32.0 mm), 9 of 40; confidence 0.58" in page.locator("#where").inner_text()  # least sure
    wait_for(page, "document.getElementById('slice').width > 300")
    drawn = page.locator("#slice").screenshot()
    press(page, "o")
    assert not page.locator("#outlines").is_checked()
    wait_until(page, lambda: page.locator("#slice").screenshot() != drawn, "the outlines go")
    press(page, "o ArrowUp ArrowUp")
    assert "slice 10 " in page.locator("#where").inner_text()
    press(page, "PageUp PageUp PageUp PageUp")  # to the second sheet
    assert f"slice {SLICES - 1} " in page.locator("#where").inner_text()
    assert "nothing found here" in page.locator("#where").inner_text()
    page.locator("#viewer").hover()
    page.mouse.wheel(0, 100)
    wait_for(page, "document.getElementById('where').textContent.includes('slice 38 ')")
    assert page.locator("#strip button").all_inner_texts() == [str(index) for index in SHOWN]
    page.locator("#strip button").nth(2).click()
    assert "slice 20 " in page.locator("#slice").get_attribute("aria-label")
    wait_for(page, "document.querySelector('#strip img').naturalWidth > 0")


def test_the_list_is_sorted_and_filtered_by_confidence_volume_verdict_and_decision(page: Page, study: Path) -> None:
    show(page, study, "Anna")
    page.select_option("#sort", label="confidence, falling")
    assert listed(page)[:4] == ["case 0", "case 1", "case 2", "case 3"]
    page.select_option("#sort", label=f"{HOSTILE}, falling")
    assert listed(page)[:2] == ["case 5", "case 11"]
    page.select_option("#verdict", "unlike-library")
    assert sorted(listed(page)) == ["case 3", "case 5"]
    page.click("#reset")
    page.fill("#least", "0.93")
    assert listed(page) == ["case 1", "case 0"]
    page.click("#reset")
    page.select_option("#structure", label=HOSTILE)
    page.fill("#smallest", "12.4")
    assert sorted(listed(page)) == ["case 10", "case 11", "case 5", "case 8", "case 9"]
    page.click("#reset")
    page.check("#outlying")
    assert listed(page) == ["case 5"]
    page.click("#reset")
    press(page, "a")
    page.select_option("#decision", "accepted")
    assert listed(page) == ["case 5"]
    page.select_option("#decision", "undecided")
    assert "case 5" not in listed(page) and len(listed(page)) == COUNT - 1
    page.click("#reset")
    page.check("#overview")
    wait_for(page, "document.querySelector('#list .strip img')?.naturalWidth > 0")


def test_the_plot_marks_what_stands_out_and_goes_there(page: Page, study: Path) -> None:
    show(page, study)
    press(page, "n n")
    assert page.locator("#plots svg .out").count() == 1
    assert "1 stand out" in page.locator("#plots svg").first.get_attribute("aria-label")
    page.get_by_role("button", name="case 5: 90.0 ml stands out").click()
    assert current(page) == "case 5"
    box = page.locator("#plots svg").first.bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + 8)
    assert current(page) == "case 0"


def test_decisions_and_notes_are_made_by_the_keyboard_and_are_there_after_a_reload(page: Page, study: Path) -> None:
    show(page, study)
    press(page, "a")
    assert page.evaluate("document.activeElement.id") == "reviewer"  # nobody decides without a name
    page.keyboard.type("Anna")
    page.keyboard.press("Tab")
    first, second, third = listed(page)[:3]
    press(page, "a")
    assert current(page) == second
    press(page, "m")
    page.keyboard.type("the liver is cut off")
    page.keyboard.press("Escape")
    press(page, "r p p u n n")
    assert current(page) == third
    expected = {first: "open", second: "rejected", third: "open"}
    page.reload()
    page.wait_for_selector("#pane:not([hidden])")
    assert {name: states(page)[name] for name in expected} == expected
    press(page, "n")
    assert page.locator("#note").input_value() == "the liver is cut off"
    assert page.locator("#reject").get_attribute("aria-pressed") == "true"
    assert page.locator("#others").inner_text() == "✗ Anna: rejected, “the liver is cut off”"
    page.click("#help")
    page.uncheck("#letters")
    page.keyboard.press("Escape")
    press(page, "a")
    assert states(page)[second] == "rejected"


def test_saved_decisions_are_what_the_commands_read_and_another_reviewer_loads(
    context: BrowserContext, browser: Browser, study: Path, tmp_path: Path
) -> None:
    page = context.new_page()
    show(page, study, "Änne B.")
    press(page, "a r")
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.suggested_filename == "decisions-A-nne-B.jsonl"
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    read = read_decisions(tmp_path)
    assert read.faults == ()
    assert {(one.volume, one.decision, one.reviewer) for one in read.lines} == {
        ("case 5", "accepted", "Änne B."),
        ("case 3", "rejected", "Änne B."),
    }
    assert "all of them are in a file" in page.locator("#kept").inner_text()
    other = new_context(browser)
    page = other.new_page()
    show(page, study, "Bo")
    press(page, "r")
    page.set_input_files("#files", file)
    wait_for(page, "document.getElementById('said').textContent.startsWith('2 new')")
    assert (states(page)["case 5"], states(page)["case 3"]) == ("disputed", "rejected")
    other.close()


def test_two_tabs_of_one_browser_overwrite_nothing(context: BrowserContext, study: Path) -> None:
    tabs = [context.new_page(), context.new_page()]
    for tab, reviewer in zip(tabs, ("Anna", "Bo"), strict=True):
        show(tab, study, reviewer)
    for _ in range(4):
        for tab, key in zip(tabs, "ar", strict=True):
            press(tab, key)
    for tab in tabs:
        wait_for(tab, "document.querySelectorAll('#list .mark.disputed').length === 4")
    tabs[0].reload()
    wait_for(tabs[0], "document.querySelectorAll('#list .mark.disputed').length === 4")


def test_a_browser_that_writes_files_keeps_what_another_page_wrote_there(context: BrowserContext, study: Path) -> None:
    page = context.new_page()
    page.add_init_script("""
        window.written = "";
        window.showSaveFilePicker = async () => ({
          name: "shared.jsonl",
          getFile: async () => ({ text: async () => window.written }),
          createWritable: async () => ({ write: async (text) => { window.next = text; },
                                         close: async () => { window.written = window.next; } }),
        });""")
    show(page, study, "Anna")
    press(page, "a")
    page.click("#keep")
    wait_for(page, "window.written.split('\\n').length === 2")
    theirs = page.evaluate("window.written").replace("Anna", "Bo").replace('"key":"', '"key":"0')[:-1]
    page.evaluate(f"window.written += {json.dumps(theirs)} + '\\n'")
    press(page, "r")
    wait_for(page, "window.written.split('\\n').length === 4")
    assert "all of them are in a file" in page.locator("#kept").inner_text()


def test_of_many_volumes_only_the_pictures_of_the_one_that_is_shown_are_loaded(
    context: BrowserContext, tmp_path: Path
) -> None:
    results = Results(tmp_path)
    results.make()
    write_page([outcome(number, 1 - number / 400) for number in range(200)], results, Decisions())
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    show(page, tmp_path)
    assert page.locator("#list li").count() == 200
    wanted = ["case%20199.1.jpg", "case%20199.1.png", "case%20199.png", "index.html"]
    wait_until(page, lambda: set(wanted) <= set(asked), "all pictures are asked for")
    page.wait_for_timeout(300)  # for what should not be asked for
    assert sorted(asked) == wanted


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_text_is_readable_on_its_ground_and_everything_has_a_name(page: Page, study: Path) -> None:
    show(page, study, "Anna")
    press(page, "a r")
    assert page.evaluate(_LEAST_CONTRAST) >= 4.5  # WCAG 2.1, AA
    assert page.evaluate(_NAMELESS) == []
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "To the volume"


def test_decisions_of_the_folder_are_in_its_page_and_its_key_stays(tmp_path: Path, page: Page) -> None:
    outcomes, results = batch(tmp_path, 6)
    write_page(outcomes, results, Decisions())
    line = line_of("case 5", outcomes[5].result, "accepted")
    (tmp_path / "decisions-Bo.jsonl").write_text(json.dumps(line) + "\n")
    key = json.loads((results.pages / "batch.json").read_bytes())["batch"]
    write_page(outcomes, results, read_decisions(tmp_path))
    assert json.loads((results.pages / "batch.json").read_bytes())["batch"] == key
    show(page, tmp_path)
    assert states(page)["case 5"] == "accepted"


def test_a_batch_without_results_has_a_page_too(tmp_path: Path, page: Page) -> None:
    results = Results(tmp_path)
    results.make()
    page.goto(write_page([Outcome("case x", FAILED, error="it is broken")], results, Decisions()).as_uri())
    page.wait_for_selector("#failures:not([hidden])")
    assert page.locator("#count").inner_text() == "0 volumes"


_LEAST_CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = parts(getComputedStyle(one).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
  };
  const kinds = 'p, h1, h2, a, span, dt, dd, strong, label, button, summary, li, select, input';
  const seen = (one) => one.innerText && one.offsetParent && !one.disabled;
  const texts = [...document.querySelectorAll(kinds)].filter(seen);
  return Math.min(...texts.map((one) => {
    const [a, b] = [light(parts(getComputedStyle(one).color)), light(ground(one))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""

_NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, a, canvas, img, svg')]
  .filter((one) => one.offsetParent !== null || one.tagName === 'svg')
  .filter((one) => !(one.getAttribute('aria-label') || one.getAttribute('alt') || one.textContent.trim()
                     || one.labels?.length || one.getAttribute('aria-hidden')))
  .map((one) => one.outerHTML)"""
