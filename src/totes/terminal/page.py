"""The status as a web page: one file that loads nothing, for a browser, a phone or a mail.

So there is no script in it, and no style that mail clients do not know: no variables, no grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from totes import __version__
from totes.errors import ConfigurationError
from totes.report import counted
from totes.terminal.basics import cut, length, or_dot, size, spelled
from totes.terminal.health import Verdict, freshness, next_steps, verdict
from totes.terminal.markup import Markup, element, joined, style

if TYPE_CHECKING:
    from datetime import datetime

    from totes.pipeline.status import BatchStatus, StageStatus, Status

BATCHES = 20  # of late, that the page shows
LONGEST = {"key": 80, "reason": 500}  # characters
POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # whatever a value says, nothing is loaded


def status_page(found: Status) -> str:
    """The status as HTML, whole; values in it are text, whatever they hold."""
    health, fresh = verdict(found), freshness(found)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"Totes: {health.word}, {fresh.word}"),
        style(Path(__file__).with_name("page.css").read_text("utf-8")),
    )
    main = element(
        "main",
        element("header", element("h1", "Totes: status"), _asked_at(found)),
        _banner(health),
        _banner(fresh),
        *_problems(found),
        *_steps(found),
        *_stages(found),
        *_quarantine(found),
        *_batches(found),
        *_tables(found),
    )
    footer = element("footer", f"Made by totes status --html, {__version__}. Times are UTC.")
    body = element("body", main, footer)
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def write_page(page: str, path: Path) -> None:
    """Write the page to a file, or `-`. Who reads the file has the old page whole, or the new one.

    Raises ConfigurationError where that cannot be.
    """
    if str(path) == "-":
        click.echo(page, nl=False)
        return
    path = path.resolve()  # or a link would be replaced, and not what it leads to
    if path.exists() and not path.is_file():
        raise ConfigurationError(
            f"{path} is no ordinary file", hint="--html - writes to standard output"
        )
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        part.write_text(page, "utf-8")
        part.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}", hint="name another file with --html"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _moment(moment: datetime) -> Markup:
    """A time, which may be broken between day and hour, and nowhere else."""
    day, hour = element("span", f"{moment:%Y-%m-%d}"), element("span", f"{moment:%H:%M:%S}")
    return element("time", day, " ", hour, datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def _asked_at(found: Status) -> Markup:
    return element("p", "as it was at ", _moment(found.now), " UTC")


def _banner(told: Verdict) -> Markup:
    word = element("strong", told.word[0].upper() + told.word[1:])
    return element("p", word, f": {told.sentence}", class_=f"verdict {told.mood}")


def _section(title: str, *content: str) -> Markup:
    return element("section", element("h2", title), *content)


def _problems(found: Status) -> Iterator[Markup]:
    """The stages that cannot be asked, the tables that are stopped, and what is worth a note."""
    told = []
    for name, stage in found.stages.items():
        if stage.error:
            told.append(_problem(f"{name}: {stage.error}", stage.error.hint))
        told += [_problem(p, stage.hints.get(table)) for table, p in stage.problems.items()]
    if told:
        yield _section("Problems", element("ul", *told))
    notes = [
        element("li", f"{table}: {note}")
        for stage in found.stages.values()
        for table, notes in stage.notes.items()
        for note in notes
    ]
    if notes:
        yield _section("Notes", element("ul", *notes))


def _problem(said: str, hint: str | None) -> Markup:
    return element("li", said, *([element("p", f"Hint: {hint}", class_="more")] if hint else []))


def _steps(found: Status) -> Iterator[Markup]:
    steps = [
        element("li", element("code", step.command), f": {step.why}") for step in next_steps(found)
    ]
    yield _section("What to do next", element("ul", *steps))


Cell = tuple[str | Markup, str]  # what is in it, and its class


def _table(caption: str, header: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> Markup:
    """A table whose first column names its rows."""

    def cell(tag: str, told: Cell, **attributes: str) -> Markup:
        content, kind = told
        return element(tag, content, **({"class_": kind} if kind else {}), **attributes)

    def line(first: Cell, *rest: Cell) -> Markup:
        return element("tr", cell("th", first, scope="row"), *(cell("td", each) for each in rest))

    head = element("thead", element("tr", *(cell("th", each, scope="col") for each in header)))
    body = element("tbody", *(line(*row) for row in rows))
    return element("div", element("table", element("caption", caption), head, body), class_="wide")


def _stages(found: Status) -> Iterator[Markup]:
    header = [("stage", ""), ("batch", "number"), ("true of", ""), ("age", ""), ("rows", "number")]
    rows = [_stage(name, stage, found) for name, stage in found.stages.items()]
    yield _section("Stages", _table("How far each stage is", header, rows))


def _stage(name: str, stage: StageStatus, found: Status) -> list[Cell]:
    age = found.age(stage)
    if stage.error:
        return [(name, ""), ("?", "number"), ("cannot be asked", ""), ("", ""), ("?", "number")]
    return [
        (name, ""),
        (f"{stage.batch:,}" if stage.batch else "none", "number"),
        (_moment(stage.true_at) if stage.true_at else "", ""),
        ("" if age is None else length(age), ""),
        (f"{sum(stage.rows.values()):,}", "number"),
    ]


def _quarantine(found: Status) -> Iterator[Markup]:
    if found.processed.error:
        yield _section("Quarantine", element("p", "Unknown: the processed lake cannot be asked."))
        return
    tables = [
        _table(
            f"{model}: {counted(refused.rows, 'row')}"
            + ("" if refused.rows == len(refused.first) else ", of which these wait longest"),
            [("row", ""), ("reason", "")],
            [
                [
                    (cut(spelled(key), LONGEST["key"]), ""),
                    (cut(reason, LONGEST["reason"]), "value"),
                ]
                for key, reason in refused.first
            ],
        )
        for model, refused in found.refusals.items()
    ]
    yield _section("Quarantine", *(tables or [element("p", "Nothing waits in quarantine.")]))


def _batches(found: Status) -> Iterator[Markup]:
    if not found.batches:
        return
    counts = ("new", "changed", "deleted", "size")
    header = [("batch", "number"), ("taken at", ""), *((name, "number") for name in counts)]
    caption = "What the ingestion lake took in; the newest first"
    rows = [_batch(each) for each in found.batches]
    yield _section("Batches of late", _table(caption, header, rows))


def _batch(each: BatchStatus) -> list[Cell]:
    stopped = ", ".join(each.stopped)
    note = element("div", f"stopped: {stopped}", class_="more") if stopped else Markup()
    return [
        (f"{each.batch:,}", "number"),
        (joined(_moment(each.taken_at), note), ""),
        *((or_dot(n), "number") for n in (each.inserted, each.updated, each.deleted)),
        (size(each.bytes) if each.bytes else "·", "number"),
    ]


def _tables(found: Status) -> Iterator[Markup]:
    tables = []
    for name, stage in found.stages.items():
        if not stage.rows:
            continue
        counts = "versions" if stage is found.warehouse else "rows now"
        header = [("table", ""), (counts, "number")]
        rows: list[list[Cell]] = [
            [(table, "bad" if table in stage.problems else "value"), (f"{rows:,}", "number")]
            for table, rows in stage.rows.items()
        ]
        tables.append(element("div", _table(name, header, rows), class_="third"))
    if tables:
        yield _section("Tables", joined(*tables))
