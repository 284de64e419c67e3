"""How the quarantine looks, on a terminal and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from totes.report import counted
from totes.terminal.basics import table
from totes.terminal.reports import show_reports

if TYPE_CHECKING:
    from totes.pipeline.quarantine import Quarantine, Retried

LISTED = 50  # rows on a terminal; JSON has them all
LONGEST = {"key": 40, "reason": 160}


def show_quarantine(found: Quarantine) -> None:
    """Print the rows in quarantine, long values cut, and how many more there are."""
    if not found.total:
        click.echo(_nothing(found.batch))
        return
    click.echo(f"{counted(found.total, 'row')} in quarantine after batch {found.batch}")
    table(
        ("model", "from", "key", "since batch", "meanwhile", "reason"),
        [
            (
                row.model,
                row.source,
                _cut(_spelled(row.key), LONGEST["key"]),
                str(row.since),
                "an older version stands" if row.older_version_stands else "not in the star",
                _cut(row.reason, LONGEST["reason"]),
            )
            for row in found.rows
        ],
    )
    if more := found.total - len(found.rows):
        click.echo(f"  and {more:,} more; totes quarantine list --json has them all")


def _nothing(batch: int) -> str:
    where = f"after batch {batch}" if batch else "and no batch in the processed lake yet"
    return f"nothing in quarantine, {where}"


def _spelled(key: str) -> str:
    """A key, which is JSON, as people write one: `order_id 14`."""
    return ", ".join(f"{name} {value}" for name, value in _parsed(key).items())


def _cut(text: str, longest: int) -> str:
    """One line of at most so many characters; a value's control characters are not obeyed."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _parsed(document: str) -> Any:
    """What the quarantine keeps as JSON; a number that JSON does not know (NaN) becomes text."""
    return json.loads(document, parse_constant=str)


def quarantine_document(found: Quarantine) -> dict[str, object]:
    """The quarantine as JSON has it; nothing is cut."""
    return {
        "batch": found.batch,
        "total": found.total,
        "rows": [
            {
                "model": row.model,
                "source": row.source,
                "key": _parsed(row.key),
                "reason": row.reason,
                "since": row.since,
                "older_version_stands": row.older_version_stands,
                "row": _parsed(row.row),
            }
            for row in found.rows
        ],
    }


def show_retried(retried: Retried) -> None:
    """Print what a retry did, as a run does, and what came of the rows."""
    if not retried.tried:
        click.echo("nothing in quarantine to try again")
        return
    show_reports(retried.reports)
    gone = f", {retried.gone:,} gone from the source" if retried.gone else ""
    click.echo(
        click.style("quarantine", bold=True)
        + f": {counted(retried.tried, 'row')} tried again, {retried.back:,} came back{gone}; "
        f"{counted(retried.left, 'row')} left"
    )


def retried_document(retried: Retried) -> dict[str, object]:
    """A retry as JSON has it."""
    return {
        "reports": [report.to_dict() for report in retried.reports],
        "tried": retried.tried,
        "back": retried.back,
        "gone": retried.gone,
        "left": retried.left,
    }
