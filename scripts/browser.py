"""A real browser, for the tests and pictures of the dashboard: Chromium, driven by Playwright.

`python -m scripts.browser` exits with 1, and says how to get one, if there is none.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A container's /dev/shm is small, and root has no sandbox.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
PATIENCE = 60_000  # milliseconds
CALM = 250  # milliseconds without a change
SETTLED = """calm => {
    const app = document.querySelector("[data-testid=stApp]");
    const charts = [...document.querySelectorAll("[data-testid=stVegaLiteChart]")];
    const done = app && app.dataset.testScriptState === "notRunning"
        && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]")
        && charts.every(chart => chart.querySelector("canvas, svg"));
    if (!done) window.settledSince = null;
    else window.settledSince = window.settledSince || performance.now();
    return done && performance.now() - window.settledSince > calm;
}"""


class NoBrowserError(RuntimeError):
    """There is no browser; the message says how to get one."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser: Playwright's own, Debian's Chromium or Google Chrome, whichever is there.

    Raises NoBrowserError if none is.
    """
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = str(own) if own.exists() else next(filter(None, map(shutil.which, NAMES)), None)
        if found is None:
            raise NoBrowserError(
                "there is no Chromium and no Google Chrome; hint: apt-get install chromium, or "
                ".venv/bin/playwright install --with-deps chromium"
            )
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def settled(page: Page) -> None:
    """Wait until a page of the dashboard has, for a while, all that it will show, charts too."""
    page.wait_for_selector("h1", timeout=PATIENCE)
    page.evaluate("window.settledSince = null")
    page.wait_for_function(SETTLED, arg=CALM, polling=50, timeout=PATIENCE)


if __name__ == "__main__":
    try:
        with chromium():
            pass
    except NoBrowserError as error:
        sys.exit(str(error))
