"""A headless Chromium, or the reason why there is none."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser() -> Iterator[Any]:
    """A Playwright browser; the test is skipped where none can be started."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (extra: browser)"
    )
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")
    with api.sync_playwright() as playwright:
        # A container's root may not open a sandbox; the page is our own.
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def wait_until(page: Any, expression: str, seconds: float = 120) -> None:
    """Until `expression` is true in `page`.

    Playwright's own `wait_for_function` evaluates a text inside the page, which a page
    that forbids `unsafe-eval` refuses whenever it is not true at the first look.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"still not true: {expression}"
        page.wait_for_timeout(50)
