"""How the status looks, on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from totes.report import counted
from totes.terminal.basics import length, table

if TYPE_CHECKING:
    from totes.pipeline.status import StageStatus, Status


def show_status(found: Status) -> None:
    """Print where every stage is."""
    stages = {
        "ingestion lake": found.ingestion,
        "processed lake": found.processed,
        "warehouse": found.warehouse,
    }
    for name, stage in stages.items():
        click.echo(click.style(name, bold=True) + ": " + _where(stage, found))
        if stage.rows:
            header = "versions" if stage is found.warehouse else "rows now"
            table(("table", header), [(t, f"{n:,}") for t, n in stage.rows.items()])
        for problem in stage.problems.values():
            click.echo(f"  {click.style('stopped:', fg='red', bold=True)} {problem}")
        for table_name, notes in stage.notes.items():
            for note in notes:
                click.echo(f"  {click.style('note:', bold=True)} {table_name}: {note}")
    refused = sum(found.quarantine.values())
    click.echo(click.style("quarantine", bold=True) + f": {counted(refused, 'row')}")
    for model, rows in found.quarantine.items():
        click.echo(f"  {model}: {rows:,}")
    if found.freshness is not None:
        click.echo(
            click.style("freshness", bold=True)
            + f": the warehouse is true of the source as it was {length(found.freshness)} ago"
        )


def _where(stage: StageStatus, found: Status) -> str:
    if stage.error:
        hint = f" (hint: {stage.error.hint})" if stage.error.hint else ""
        return f"{stage.error}{hint}"
    if not stage.batch or stage.true_at is None:
        return "nothing there yet"
    age = max(0.0, (found.now - stage.true_at).total_seconds())
    return f"at batch {stage.batch}, of {stage.true_at:%Y-%m-%d %H:%M:%S} UTC, {length(age)} ago"


def status_document(found: Status) -> dict[str, object]:
    """The status as JSON has it; times are UTC, freshness in seconds."""

    def stage(status: StageStatus) -> dict[str, object]:
        return {
            "batch": status.batch,
            "true_at": status.true_at.isoformat() if status.true_at else None,
            "rows": status.rows,
            "problems": status.problems,
            "notes": status.notes,
            "error": str(status.error) if status.error else None,
        }

    return {
        "ingestion": stage(found.ingestion),
        "processed": stage(found.processed),
        "warehouse": stage(found.warehouse),
        "quarantine": found.quarantine,
        "freshness": found.freshness,
    }
