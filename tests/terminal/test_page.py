"""The status as a web page: what it has, what it never has, and that it is never there half."""

from __future__ import annotations

import os
import re
import resource
import threading
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from tests.test_cli import assert_is_clear_error, totes
from tests.world import World
from totes.terminal import page as module
from totes.terminal.page import write_page

CSS = Path(module.__file__).with_name("page.css").read_text()


class Page(HTMLParser):
    """A page that was read: its elements, its attributes, its text, and each table's cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self.open == [], "an element that does not end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "elements that overlap"

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def values(self, tag: str, name: str) -> list[str | None]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]


def made(world: World, **settings: str) -> str:
    return totes(world, "status", "--html", "-", **settings).stdout


def test_page_has_what_the_status_has(ran: World) -> None:
    """Stages, tables with their rows, freshness, the last batches with what they took in, and the
    next command are on the page."""
    ran.change(
        "delete from payment where payment_id = 8",
        "update sales_order set units_sold = 4321 where sales_order_id = 14",
    )
    totes(ran, "run")
    html = made(ran)
    page = Page(html)
    assert "All is well: no table stopped, nothing in quarantine" in page.text
    assert "Fresh: the warehouse is true of the source as it was" in page.text
    assert "totes verify" in page.text
    assert ["sales_order", "4"] in page.rows
    assert ["fact_sales_order", "5"] in page.rows
    assert [row[:1] + row[2:5] for row in page.rows if len(row) == 6 and row[0].isdigit()] == [
        ["2", "·", "1", "1"],
        ["1", "38", "·", "·"],
    ]
    assert [row[:2] for row in page.rows if row[0] in {"ingestion lake", "warehouse"}] == [
        ["ingestion lake", "2"],
        ["warehouse", "2"],
    ]


@pytest.mark.slow
def test_page_shows_what_is_wrong(troubled: World) -> None:
    """A stopped table with its hint, a stage that is away without its password, and refused rows
    with their reasons are on the page; the exit code is that of the status."""
    away = {"TOTES_WAREHOUSE": "postgresql://u:hunter2@127.0.0.1:1/x"}
    shown = totes(troubled, "status", "--html", "-", **away)
    assert shown.exit_code == 1
    page = Page(shown.stdout)
    assert "the warehouse cannot be asked; 1 table stopped; 4 rows in quarantine" in page.text
    assert "design: column file_name is missing" in page.text
    assert "Hint: has it become filename?" in page.text
    assert "cannot connect to TOTES_WAREHOUSE" in page.text
    assert "hunter2" not in shown.stdout
    assert ["sales_order_id 14", "agreed_payment_date: soon is no date"] in page.rows
    assert "totes contract check" in page.text
    (newest,) = [row for row in page.rows if row[0] == "2"]
    assert newest[1].endswith("stopped: design")
    assert newest[2:4] == ["·", "4"]


def test_page_of_nothing(untouched: World) -> None:
    """Before the first batch there is a page, too."""
    page = Page(made(untouched))
    assert "Empty: the warehouse holds nothing yet" in page.text
    assert "totes run" in page.text


def test_hostile_values_are_text(ran: World) -> None:
    """Markup, quotes and control characters in a refused value stay text: they make no element and
    no attribute, and are read as they are."""
    plain = Page(made(ran))
    value = """</td><script>alert(1)</script><img src=x onerror="a('b')">&lt;\x1b[2J"""
    ran.change(
        "update sales_order set agreed_payment_date = $v$" + value + "$v$ where sales_order_id = 14"
    )
    totes(ran, "run")
    html = made(ran)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    page = Page(html)
    assert {tag for tag, _, _ in page.attributes} == {tag for tag, _, _ in plain.attributes}
    assert page.tags.keys() == plain.tags.keys()
    shown = value.replace("\x1b", "\\x1b")
    assert ["sales_order_id 14", f"agreed_payment_date: {shown} is no date"] in page.rows


def test_page_loads_nothing(troubled: World) -> None:
    """The page is one file: nothing in it is to be fetched, from this host or another, and its
    policy forbids it."""
    html = made(troubled)
    page = Page(html)
    loading = {"src", "href", "srcset", "action", "background", "poster", "data", "style"}
    assert not loading & {name for _, name, _ in page.attributes}
    assert not {"script", "link", "iframe", "img", "object"} & page.tags.keys()
    assert not re.search(r"url\(|@import|https?:|expression\(", html)
    assert any("default-src 'none'" in str(v) for v in page.values("meta", "content"))


def test_page_can_be_read_by_all(troubled: World) -> None:
    """The page has a language, a title, one first heading, a caption for each table and a scope for
    each heading in it; and its style is small enough for mail clients, which know no variables."""
    page = Page(made(troubled))
    assert page.values("html", "lang") == ["en"]
    assert page.tags["title"] == page.tags["h1"] == page.tags["main"] == 1
    assert page.tags["table"] == page.tags["caption"] >= 6
    assert len(page.values("th", "scope")) == page.tags["th"]
    assert set(page.values("th", "scope")) == {"col", "row"}
    assert "width=device-width, initial-scale=1" in page.values("meta", "content")
    assert len(CSS) < 8192
    assert not re.search(r"var\(|display: (grid|flex)", CSS)
    assert "prefers-color-scheme: dark" in CSS


def luminance(colour: str) -> float:
    """The relative luminance of WCAG."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_page_has_contrast(dark: bool) -> None:
    """Every text stands out from what is behind it by 4.5 to 1, in the light and in the dark."""
    light, _, night = CSS.partition("@media (prefers-color-scheme: dark)")
    rules = re.findall(r"([^{}]+)\{([^{}]+)\}", night if dark else light)
    pairs: dict[str, dict[str, str]] = {}
    for names, rule in rules:
        found: dict[str, str] = dict(re.findall(r"(?<![-\w])(color|background): (#\w{6})", rule))
        if "color" in found:
            pairs[names.strip().lstrip("{ \n")] = found
    behind = pairs["body"]["background"]
    assert len(pairs) == 5
    for names, found in pairs.items():
        assert contrast(found["color"], found.get("background", behind)) >= 4.5, names


def test_page_is_written_to_a_file(troubled: World, tmp_path: Path) -> None:
    """The page is in the file, which others may read, and nothing is printed; the next one takes
    its place, also behind a link."""
    target, link = tmp_path / "status.html", tmp_path / "link.html"
    link.symlink_to(target)
    for path in (target, link, target):
        result = totes(troubled, "status", "--html", str(path))
        assert (result.exit_code, result.output) == (1, "")
        assert "design: column file_name is missing" in Page(target.read_text()).text
    assert link.is_symlink()
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask
    assert not list(tmp_path.glob(".*"))


def test_page_is_read_whole_at_any_time(tmp_path: Path) -> None:
    """Who reads the file while it is written anew, again and again, has a whole page each time."""
    path, done = tmp_path / "status.html", threading.Event()
    pages = {letter: letter * 300_000 + "</html>" for letter in "ab"}
    write_page(pages["a"], path)
    seen = []

    def watch() -> None:
        while not done.is_set():
            seen.append(path.read_text())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(150):
        for text in pages.values():
            write_page(text, path)
    done.set()
    watcher.join()
    assert set(seen) <= set(pages.values())
    assert any(one != other for one, other in pairwise(seen))


def test_page_that_does_not_fit_leaves_the_old_one(troubled: World, tmp_path: Path) -> None:
    """Where the disk takes no more, the old page stays whole, nothing else is left beside it, and
    the error is clear."""
    folder = tmp_path / "pages"
    folder.mkdir()
    path = folder / "status.html"
    path.write_text("the old one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        result = totes(troubled, "status", "--html", str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert_is_clear_error(result, f"error: {path} cannot be written: File too large")
    assert path.read_text() == "the old one"
    assert list(folder.iterdir()) == [path]


def test_page_where_none_can_be(untouched: World) -> None:
    """A folder that is not there, and what is no ordinary file, are clear errors; a device stays
    what it is."""
    pipe = untouched.folder / "pipe"
    os.mkfifo(pipe)
    nowhere = str(untouched.folder / "nowhere" / "status.html")
    assert_is_clear_error(totes(untouched, "status", "--html", nowhere), nowhere, "No such file")
    assert_is_clear_error(totes(untouched, "status", "--html", str(pipe)), "no ordinary file", "-")
    assert pipe.is_fifo()
    assert totes(untouched, "status", "--html", str(untouched.folder)).exit_code == 2
