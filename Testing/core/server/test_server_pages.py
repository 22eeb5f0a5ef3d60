"""The server's pages in a real browser: nothing without a token, several reviewers at once, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page
from server_process import TOKENS, RunningServer, serving

from RetrievalSAMLib.cohort.review.decisions import SERVER_FILE, Decisions, read_decisions
from RetrievalSAMLib.cohort.review.page import write_page
from Testing.batch_folders import batch, line_of
from Testing.browsing import chromium, new_context, wait_for
from Testing.patience import PATIENCE

COUNT = 8
STUDY = "study 1"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one batch, and of something that is none."""
    folder = tmp_path_factory.mktemp("studies")
    (folder / "nothing").mkdir()
    outcomes, results = batch(folder / STUDY, COUNT)
    write_page(outcomes, results, Decisions())
    results.segmentation("case 0").write_bytes(b"NRRD0004")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, libraries: Path, studies: Path) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("site"), libraries, "--batches", str(studies), secure=True) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def contexts(browser: Browser, site: RunningServer) -> Iterator[list[BrowserContext]]:
    """Two browsers of two people; nothing may be asked of anybody but the server, and no page may complain."""
    opened = [new_context(browser, ignore_https_errors=True, viewport={"width": 1400, "height": 900}) for _ in range(2)]
    told: list[str] = []
    own = (site.address, "data:", "blob:")
    for one in opened:
        one.on("request", lambda asked: told.append(asked.url) if not asked.url.startswith(own) else None)
        one.on("weberror", lambda error: told.append(str(error.error)))
    yield opened
    for one in opened:
        one.close()
    assert told == []


def ask(site: RunningServer, path: str, token: str | None = TOKENS[0], **more: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    method = "POST" if "json" in more else "GET"
    return requests.request(
        method, f"{site.address}{path}", headers=headers, verify=str(site.ca_file), timeout=PATIENCE, **more
    )


def enter(page: Page, site: RunningServer, path: str, token: str) -> None:
    page.goto(site.address + path)
    page.wait_for_selector("#entry:not([hidden])")
    page.fill("#token", token)
    page.keyboard.press("Enter")


def press(page: Page, key: str) -> None:
    page.locator("#pane").focus()
    page.keyboard.press(key)


@pytest.mark.parametrize(
    "path", ["/v1/overview", "/v1/libraries/balls/pictures/0", f"/v1/batches/{STUDY}", f"/v1/batches/{STUDY}/decisions",
             f"/v1/batches/{STUDY}/pictures/case 0.png", f"/v1/batches/{STUDY}/results/case 0.seg.nrrd"]
)  # fmt: skip
def test_without_a_token_pages_hold_nothing_and_nothing_can_be_asked(site: RunningServer, path: str) -> None:
    assert ask(site, path, None).status_code == 401
    assert ask(site, path).status_code == 200
    for page in ("/", f"/batches/{STUDY}", "/batches/none-of-this-name"):
        shown = ask(site, page, None)
        assert shown.status_code == 200 and "frame-ancestors 'none'" in shown.headers["Content-Security-Policy"]
        assert not [word for word in ("balls", "Ball", "case 0", "Spleen") if word in shown.text]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batches/nothing",
        "/v1/batches/..",
        f"/v1/batches/{STUDY}/pictures/batch.json",
        f"/v1/batches/{STUDY}/pictures/..%2Findex.html",
        f"/v1/batches/{STUDY}/results/..%2F..%2F..%2Fsecret.report.json",
        f"/v1/batches/{STUDY}/results/case 1.seg.nrrd",
        "/v1/libraries/none/pictures/0",
        "/v1/libraries/balls/pictures/2",
        "/v1/libraries/balls/pictures/-1",
    ],
)
def test_what_is_not_there_or_lies_elsewhere_is_not_found(site: RunningServer, path: str) -> None:
    assert ask(site, path).status_code == 404


def test_the_server_s_page_shows_libraries_with_pictures_batches_and_own_runs(
    site: RunningServer, contexts: list[BrowserContext]
) -> None:
    page = contexts[0].new_page()
    enter(page, site, "/", "not-a-token-of-this-server")
    wait_for(page, "document.getElementById('refused').textContent.includes('does not know it')")
    assert "Spleen" not in page.content()
    page.fill("#token", TOKENS[0])
    page.keyboard.press("Enter")
    wait_for(page, "[...document.querySelectorAll('.pictures img')].filter(one => one.naturalWidth).length === 2")
    assert page.locator(".library h3").all_inner_texts() == ["balls"]
    assert page.locator(".library .muted").inner_text() == "2 cases"
    wait_for(page, "document.getElementById('state').textContent.includes('ready')")
    wait_for(page, "document.querySelector('#devices tbody')?.innerText.includes('is free')")
    assert page.locator("#devices tbody td").all_inner_texts() == ["auto", "is free"]
    assert "seat" in page.locator("#seat").inner_text()
    assert (
        page.locator("#labels").inner_text() == "not change libraries: the server was started without --accept-labels"
    )
    assert page.locator("#batches tbody td").all_inner_texts() == [STUDY, "0", "0", "0", str(COUNT)]
    assert page.locator("#no-runs").is_visible()
    page.get_by_role("link", name=STUDY).click()  # the token goes along in this tab
    page.wait_for_selector("#pane:not([hidden])")
    wait_for(page, "document.getElementById('slice').width > 300")
    wait_for(page, "document.querySelector('#strip img').naturalWidth > 0")


def test_two_reviewers_at_once_lose_nothing_and_see_each_other(
    site: RunningServer, contexts: list[BrowserContext], studies: Path
) -> None:
    pages = [context.new_page() for context in contexts]
    for page, token, reviewer in zip(pages, TOKENS, ("Anna", "Bo"), strict=True):
        enter(page, site, f"/batches/{STUDY}", token)
        page.wait_for_selector("#pane:not([hidden])")
        page.fill("#reviewer", reviewer)
        page.keyboard.press("Tab")
    for _ in range(COUNT - 1):
        for page, key in zip(pages, "ar", strict=True):
            press(page, key)
    for page in pages:
        wait_for(page, f"document.querySelectorAll('#list .mark.disputed').length === {COUNT - 1}")
        wait_for(page, "document.getElementById('kept').textContent.includes('is on the server')")
    found = read_decisions(studies / STUDY)
    assert len(found.lines) == 2 * (COUNT - 1) and found.faults == ()
    assert {one.reviewer for one in found.lines} == {"Anna", "Bo"}
    assert len((studies / STUDY / SERVER_FILE).read_text().splitlines()) == 2 * (COUNT - 1)
    pages[0].reload()
    wait_for(pages[0], f"document.querySelectorAll('#list .mark.disputed').length === {COUNT - 1}")


def test_what_is_decided_while_the_server_is_away_is_sent_when_it_is_back(
    site: RunningServer, contexts: list[BrowserContext], studies: Path
) -> None:
    page = contexts[0].new_page()
    enter(page, site, f"/batches/{STUDY}", TOKENS[0])
    page.wait_for_selector("#pane:not([hidden])")
    page.fill("#reviewer", "Cy")
    page.keyboard.press("Tab")
    contexts[0].set_offline(True)
    press(page, "a")
    wait_for(page, "document.getElementById('kept').textContent.includes('1 entry not yet on the server')")
    assert not [one for one in read_decisions(studies / STUDY).lines if one.reviewer == "Cy"]
    contexts[0].set_offline(False)
    wait_for(page, "document.getElementById('kept').textContent.includes('is on the server')")
    assert [one.decision for one in read_decisions(studies / STUDY).lines if one.reviewer == "Cy"] == ["accepted"]


def test_decisions_that_are_none_are_refused_by_name(site: RunningServer) -> None:
    results = {one["id"]: one["result"] for one in ask(site, f"/v1/batches/{STUDY}").json()["volumes"]}
    good = line_of("case 0", results["case 0"], "accepted", "Di")
    before = len(ask(site, f"/v1/batches/{STUDY}/decisions").json()["decisions"])
    for changed in ({"volume": "case 99"}, {"decision": "maybe"}, {"time": "2026-01-01T10:00:00"}, {"more": "x"}):
        answer = ask(site, f"/v1/batches/{STUDY}/decisions", json={"decisions": [good | changed]})
        assert answer.status_code == 422 and answer.json()["remedy"]
    for added in (1, 0):
        answer = ask(site, f"/v1/batches/{STUDY}/decisions", json={"decisions": [good]})
        assert answer.json() == {"added": added}
    after = ask(site, f"/v1/batches/{STUDY}/decisions").json()["decisions"]
    assert len(after) == before + 1 and json.dumps(after).count("Di-case 0") == 1
    log = "".join(site.log)
    assert "POST /v1/batches/{name}/decisions 200" in log
    assert not [word for word in (STUDY, "case 0", "Anna", "Di-") if word in log]
