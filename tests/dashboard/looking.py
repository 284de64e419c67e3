"""A browser's window at the dashboard, and what there is to see in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Browser, Page, Request

from scripts.browser import settled

AXE = (Path(axe_playwright_python.__file__).with_name("axe.min.js")).read_text(encoding="utf-8")
DESKTOP, PHONE = 1280, 390
GRAVE = {"serious", "critical"}

Theme = Literal["light", "dark"]


@dataclass
class Window:
    """One page of a browser, which remembers its errors and the hosts that it asked."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, path: str) -> None:
        """Go to a page of the dashboard and wait until all of it is there."""
        self.page.goto(f"{self.url}/{path}")
        settled(self.page)

    def settle(self) -> None:
        """Wait until what was just done shows."""
        self.page.wait_for_timeout(100)
        settled(self.page)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a filter, as a person with a keyboard does."""
        box = self.page.get_by_role("combobox", name=label)
        box.click()
        box.fill(option)
        self.page.get_by_role("option", name=option, exact=True).first.click()
        self.settle()

    def totals(self) -> dict[str, str]:
        """The figures at the top of a page, by their names."""
        metrics = self.page.get_by_test_id("stMetric").all()
        return {
            metric.get_by_test_id("stMetricLabel").inner_text(): metric.get_by_test_id(
                "stMetricValue"
            ).inner_text()
            for metric in metrics
        }

    def panels(self) -> list[str]:
        """The titles of what is on a page."""
        return self.page.get_by_role("heading", level=2).all_inner_texts()

    def downloaded(self, title: str) -> list[dict[str, str]]:
        """The rows of the CSV that a panel gives."""
        key = "-".join(title.lower().split())
        with self.page.expect_download() as download:
            self.page.locator(f".st-key-{key}").get_by_role("button", name="CSV").click()
        assert download.value.suggested_filename == f"{key}.csv"
        text = Path(download.value.path()).read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(text)))

    def faults(self) -> list[dict[str, Any]]:
        """What axe-core finds that keeps people with disabilities from using the page."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            {"id": fault["id"], "html": [node["html"] for node in fault["nodes"]]}
            for fault in found["violations"]
            if fault["impact"] in GRAVE
        ]

    def is_too_wide(self) -> bool:
        """Whether one has to scroll sideways to see all of the page."""
        return bool(
            self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
            or self.page.get_by_test_id("stMain").evaluate("e => e.scrollWidth > e.clientWidth + 1")
        )


@contextmanager
def window(
    browser: Browser, url: str, *, width: int = DESKTOP, theme: Theme = "light"
) -> Iterator[Window]:
    """Yield a new window, in which nothing is remembered of others."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=theme, accept_downloads=True)  # type: ignore[arg-type]
    page = context.new_page()
    opened = Window(page, url)
    page.on(
        "console",
        lambda said: opened.errors.append(said.text) if said.type == "error" else None,
    )
    page.on("pageerror", lambda error: opened.errors.append(str(error)))

    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"}:
            opened.hosts.add(parts.netloc)

    page.on("request", note)
    page.on("websocket", lambda socket: opened.hosts.add(urlsplit(socket.url).netloc))
    try:
        yield opened
    finally:
        context.close()
