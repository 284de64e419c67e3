"""A browser's window at the dashboard, and what there is to see in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Page, Request, WebSocket
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from scripts.browser import PATIENCE

AXE = (Path(axe_playwright_python.__file__).with_name("axe.min.js")).read_text(encoding="utf-8")
DESKTOP, PHONE = 1280, 390
HEIGHT = 900
GRAVE = {"serious", "critical"}
# The script has run to its end, nothing of an earlier run is left, each chart is as wide as there
# is room for it, the theme is that of the machine, and nothing moves or changes its colour: in two
# frames running, between which all is done that was begun.
SHOWN = """theme => {
    const app = document.querySelector("[data-testid=stApp]");
    const charts = [...document.querySelectorAll("[data-testid=stVegaLiteChart]")];
    const shown = app && app.dataset.testScriptState === "notRunning"
        && document.querySelector("h1")
        && !document.querySelector("[data-testid=stSkeleton], [data-stale=true]")
        && charts.every(chart => {
            const drawn = chart.querySelector("canvas, svg");
            const width = drawn && drawn.getBoundingClientRect().width;
            return drawn && Math.abs(width - chart.getBoundingClientRect().width) < 2;
        })
        && getComputedStyle(app).colorScheme === theme
        && document.getAnimations().every(each => each.playState !== "running");
    const before = window.shownBefore;
    window.shownBefore = shown;
    return shown && before;
}"""

Theme = Literal["light", "dark"]


class Look(NamedTuple):
    """What there is to see of a page at one width and in one theme, and what is wrong with it."""

    panels: list[str]
    alerts: int = 0
    is_too_wide: bool = False
    faults: tuple[dict[str, Any], ...] = ()


@dataclass
class Window:
    """A browser's page, which remembers its errors and the hosts that it asked."""

    page: Page
    url: str
    theme: Theme
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    sockets: list[WebSocket] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page of the dashboard and wait until all of it is there."""
        self.page.goto(f"{self.url}/{path}")
        self.settle()

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Wait until the dashboard has answered what is done in the block, and that shows."""
        with self.sockets[-1].expect_event("framereceived", _is_end_of_run, timeout=PATIENCE):
            yield
        self.settle()

    def settle(self) -> None:
        """Wait until all is there that the page will show."""
        self.page.evaluate("window.shownBefore = false")
        self.page.wait_for_function(SHOWN, arg=self.theme, timeout=PATIENCE)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a filter, as a person with a keyboard does."""
        box = self.page.get_by_role("combobox", name=label)
        box.click()
        box.fill(option)
        with self.answered():
            self.page.get_by_role("option", name=option, exact=True).first.click()

    def look(self, width: int, theme: Theme) -> Look:
        """All that there is to see of the page once it is so wide, and in this theme."""
        self.theme = theme
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=theme)
        self.settle()
        alerts = self.page.get_by_test_id("stAlert").count()
        return Look(self.panels(), alerts, self.is_too_wide(), tuple(self.faults()))

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
        if not self.page.evaluate("'axe' in window"):
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


def _is_end_of_run(frame: str | bytes) -> bool:
    """Whether the server says that the script has run to its end, and is not to run again."""
    told = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
    is_finished = told.WhichOneof("type") == "script_finished"
    return is_finished and told.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY


@contextmanager
def window(
    page: Page, url: str, *, width: int = DESKTOP, theme: Theme = "light"
) -> Iterator[Window]:
    """Yield a window at a browser's page, which knows only of what happens from now on."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme=theme)
    opened = Window(page, url, theme)

    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"}:
            opened.hosts.add(parts.netloc)

    def note_socket(socket: WebSocket) -> None:
        opened.hosts.add(urlsplit(socket.url).netloc)
        opened.sockets.append(socket)

    listeners: dict[Any, Any] = {
        "console": lambda said: opened.errors.append(said.text) if said.type == "error" else None,
        "pageerror": lambda error: opened.errors.append(str(error)),
        "request": note,
        "websocket": note_socket,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        yield opened
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
