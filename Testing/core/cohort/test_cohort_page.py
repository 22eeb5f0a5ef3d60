"""The pages of a batch: what needs a look first, and as a real browser shows them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from RetrievalSAMLib.cohort.page import CARDS_A_PAGE, worst_first, write_pages
from RetrievalSAMLib.cohort.results import DONE, FAILED, Found, Outcome, Results
from RetrievalSAMLib.cohort.table import write_table
from RetrievalSAMLib.drawing import Strip, draw_strip
from RetrievalSAMLib.volumes import Geometry, SliceStack, Volume

HOSTILE = 'a&b #1 "<script>alert(1)</script>'
_SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def outcome(number: int, confidence: float, verdict: str = "in-library") -> Outcome:
    segments = (Found(HOSTILE, "#e08a5e", 1234.5, confidence), Found("Spleen", "#b985d6", 0.0, 1.0))
    return Outcome(f"case {number}", DONE, False, segments, verdict, 2.5, "axial", (0, 2, 4))


def batch(folder: Path, count: int) -> tuple[list[Outcome], Results]:
    """Confidence falls as the number rises; two are unlike the library, one failed."""
    results = Results(folder)
    results.make()
    outcomes = [outcome(number, 1 - number / (2 * count)) for number in range(count)]
    outcomes[3] = outcome(3, 0.9, "unlike-library")
    outcomes[5] = outcome(5, 0.8, "unlike-library")
    outcomes.append(Outcome("case x", FAILED, error=f"the volume: {HOSTILE}"))
    stack = SliceStack.of(
        Volume(np.random.default_rng(1).normal(size=(30, 20, 5)), Geometry((30, 20, 5), (1, 1, 4), (0, 0, 0), _AXES))
    )
    for one in outcomes[:count]:
        draw_strip(Strip(stack, [stack.voxels > 1], [(1.0, 0.5, 0.0)], 3), results.picture(one.id))
    return outcomes, results


_AXES = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs a chromium on the PATH")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=_SWITCHES)
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of which nothing may complain, and which may load nothing but files."""
    opened = browser.new_page(color_scheme=request.param)
    told: list[str] = []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("requestfailed", lambda asked: told.append(f"failed: {asked.url}"))
    opened.on("request", lambda asked: told.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    opened.on("dialog", lambda dialog: told.append(dialog.message))
    yield opened
    opened.close()
    assert told == []


def test_what_is_unlike_the_library_comes_first_then_the_least_sure() -> None:
    outcomes = [outcome(1, 0.9), outcome(2, 0.3), outcome(3, 0.8, "unlike-library"), outcome(4, 0.5, "uncertain")]
    outcomes.append(Outcome("case 5", FAILED))
    assert [one.id for one in worst_first(outcomes)] == ["case 3", "case 2", "case 4", "case 1"]


def test_a_browser_shows_every_volume_once_worst_first_on_its_pages(tmp_path: Path, page: Page) -> None:
    count = CARDS_A_PAGE + 7
    outcomes, results = batch(tmp_path, count)
    write_table(outcomes, tmp_path / "batch.csv")
    page.goto(write_pages(outcomes, results).as_uri())
    assert page.locator("article").count() == CARDS_A_PAGE
    assert page.locator(".failures dt").all_inner_texts() == ["case x"]
    assert page.locator(".failures dd").inner_text() == f"the volume: {HOSTILE}"
    titles = page.locator("article h2").all_inner_texts()
    assert titles[:4] == ["case 5", "case 3", f"case {count - 1}", f"case {count - 2}"]
    assert page.locator("article").first.locator(".verdict").inner_text().startswith("unlike the library")
    page.get_by_role("link", name="2", exact=True).first.click()
    assert page.locator("article").count() == 7
    titles += page.locator("article h2").all_inner_texts()
    assert sorted(titles) == sorted(f"case {number}" for number in range(count))
    image = page.locator("article img").first
    image.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('article img').naturalWidth > 0")
    assert image.get_attribute("alt").startswith("Axial slices 0, 2, 4 of case ")
    page.get_by_role("link", name="1", exact=True).first.click()
    assert page.locator(".failures").count() == 1


def test_text_is_readable_on_its_ground_and_links_are_reached_by_the_keyboard(tmp_path: Path, page: Page) -> None:
    outcomes, results = batch(tmp_path, 6)
    page.goto(write_pages(outcomes, results).as_uri())
    assert page.evaluate(_LEAST_CONTRAST) >= 4.5  # WCAG 2.1, AA
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.className"))
    assert reached[:4] == ["To the volumes", "Table", "Segmentation", "Report"]


def test_a_smaller_batch_leaves_no_page_of_the_larger_one(tmp_path: Path) -> None:
    outcomes, results = batch(tmp_path, CARDS_A_PAGE + 1)
    write_pages(outcomes, results)
    assert (results.pages / "page-2.html").is_file()
    write_pages(outcomes[:6], results)
    assert not (results.pages / "page-2.html").exists()


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
  const texts = [...document.querySelectorAll('p, h1, h2, a, span, dt, dd, strong')].filter((one) => one.innerText);
  return Math.min(...texts.map((one) => {
    const [a, b] = [light(parts(getComputedStyle(one).color)), light(ground(one))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }));
}"""
