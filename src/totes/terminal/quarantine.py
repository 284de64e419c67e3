"""How the quarantine looks, on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from totes.report import counted
from totes.terminal.basics import cut, parsed, spelled, table
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
                cut(spelled(row.key), LONGEST["key"]),
                str(row.since),
                "an older version stands" if row.older_version_stands else "not in the star",
                cut(row.reason, LONGEST["reason"]),
            )
            for row in found.rows
        ],
    )
    if more := found.total - len(found.rows):
        click.echo(f"  and {more:,} more; totes quarantine list --json has them all")


def _nothing(batch: int) -> str:
    where = f"after batch {batch}" if batch else "and no batch in the processed lake yet"
    return f"nothing in quarantine, {where}"


def quarantine_document(found: Quarantine) -> dict[str, object]:
    """The quarantine as JSON has it; nothing is cut."""
    return {
        "batch": found.batch,
        "total": found.total,
        "rows": [
            {
                "model": row.model,
                "source": row.source,
                "key": parsed(row.key),
                "reason": row.reason,
                "since": row.since,
                "older_version_stands": row.older_version_stands,
                "row": parsed(row.row),
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
