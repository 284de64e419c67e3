"""Progress, tables, sizes, lengths of time, and other people's values, as people read them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from totes.report import Progress, silent

NUMERIC = set("0123456789,.-+ %·")


@contextmanager
def progress(*, hidden: bool = False) -> Iterator[Progress]:
    """Yield a Progress that draws a bar per stage while it runs, on a terminal; else one that shows
    nothing."""
    if hidden or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console  # a quarter of a second, on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    shown = (
        TextColumn("{task.fields[stage]:<8}"),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Bars(*shown, console=Console(stderr=True), transient=True) as bars:
        tasks = {
            stage: bars.add_task("", stage=stage, total=None, visible=False)
            for stage in ("ingest", "process", "load", "rebuild", "verify")
        }

        def tell(stage: str, what: str, done: int, total: int) -> None:
            bars.update(tasks[stage], description=what, completed=done, total=total, visible=True)

        yield tell


@contextmanager
def waiting(what: str, *, hidden: bool = False) -> Iterator[None]:
    """Turn a spinner while the block runs, on a terminal."""
    if hidden or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    right = [all(set(row[i]) <= NUMERIC for row in rows) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        parts = zip(cells, widths, right, strict=True)
        return "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in parts).rstrip()

    click.echo("  " + click.style(line(header), bold=True))
    for row in rows:
        click.echo("  " + line(row))


def size(count: float) -> str:
    """Bytes, as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def length(seconds: float) -> str:
    """A length of time, as people read it."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}s"
    return f"{seconds:.1f} seconds"


def or_dot(number: int) -> str:
    return f"{number:,}" if number else "·"


def printable(text: str) -> str:
    """One line in which a value's control characters are shown, and not obeyed."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def cut(text: str, longest: int) -> str:
    """One printable line of at most so many characters."""
    line = printable(text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def spelled(key: str) -> str:
    """A key in quarantine, which is JSON, as people write one: `order_id 14`."""
    return ", ".join(f"{name} {value}" for name, value in parsed(key).items())


def parsed(document: str) -> Any:
    """What the quarantine keeps as JSON; a number that JSON does not know (NaN) becomes text."""
    return json.loads(document, parse_constant=str)
