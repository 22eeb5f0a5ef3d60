"""A real Chromium for tests of pages whose own rules forbid what Playwright's waiting does: evaluate a text there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from Testing.patience import PATIENCE

_SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_LOOK_MILLISECONDS = 50


@contextmanager
def chromium() -> Iterator[Browser]:
    """A started browser; skips the test where there is none on the PATH."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("needs a chromium on the PATH")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=_SWITCHES, timeout=PATIENCE * 1000)
        yield started
        started.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A window of its own, whose every step may take as long as it takes on a busy computer."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    return context


def wait_for(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page."""
    wait_until(page, lambda: page.evaluate(expression), expression)


def wait_until(page: Page, holds: Callable[[], object], what: str) -> None:
    """Let the page work until something holds."""
    for _ in range(int(PATIENCE * 1000) // _LOOK_MILLISECONDS):
        if holds():
            return
        page.wait_for_timeout(_LOOK_MILLISECONDS)
    pytest.fail(f"never true: {what}")
