"""How reports look on a terminal, and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from totes.report import Progress, Report, counted, silent

if TYPE_CHECKING:
    from totes.pipeline.status import StageStatus, Status
    from totes.pipeline.verification import Verification

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


def _or_dot(number: int) -> str:
    return f"{number:,}" if number else "·"


def show_reports(reports: Sequence[Report]) -> None:
    """Print what each stage did; its tables, unless they are those of the stage before."""
    before: dict[str, tuple[int, int, int]] = {}
    for report in reports:
        rows = sum(t.rows for t in report.tables.values())
        written = sum(t.bytes for t in report.tables.values())
        batches = report.batches
        if not batches:
            said = f"nothing new, at batch {report.at}" if report.at else "nothing there yet"
        else:
            span = f"batch {batches[0]}" + (f" to {batches[-1]}" if batches[1:] else "")
            said = f"{span}: {counted(rows, 'row')}, {size(written)}"
        stage = click.style(f"{report.stage:<8}", bold=True)
        click.echo(f"{stage} {said}, {report.seconds:.2f} s")
        if report.note:
            click.echo(f"  {report.note}")
        changed = {n: t for n, t in report.tables.items() if t.rows}
        counts = {n: (t.inserted, t.updated, t.deleted) for n, t in changed.items()}
        if changed and counts != before:
            table(
                ("table", "new", "changed", "deleted", "size", ""),
                [
                    (
                        name,
                        _or_dot(t.inserted),
                        _or_dot(t.updated),
                        _or_dot(t.deleted),
                        size(t.bytes),
                        t.note or "",
                    )
                    for name, t in changed.items()
                ],
            )
        before = counts
        for problem in report.problems.values():
            click.echo(f"  {click.style('stopped:', fg='red', bold=True)} {problem}")
            if problem.hint:
                click.echo(f"    {click.style('hint:', bold=True)} {problem.hint}")


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
            "error": str(status.error) if status.error else None,
        }

    return {
        "ingestion": stage(found.ingestion),
        "processed": stage(found.processed),
        "warehouse": stage(found.warehouse),
        "quarantine": found.quarantine,
        "freshness": found.freshness,
    }


def show_verification(found: Verification) -> None:
    """Print what verify went through, and what it found."""
    for kind, audit in found.audits.items():
        name = click.style(f"{kind} lake", bold=True)
        up_to = f"{audit.batches:,} batch{'' if audit.batches == 1 else 'es'}"
        click.echo(f"{name}: {up_to}, {counted(audit.files, 'file')}, {size(audit.bytes)}")
    if found.counts:
        rows = [
            (
                c.what,
                c.table,
                "?" if c.left is None else f"{c.left:,}",
                f"{c.right:,}",
                "equal" if c.equal else "DIFFERS",
                c.explained,
            )
            for c in found.counts
        ]
        table(("reconciled", "table", "left", "right", "", ""), rows)
    for sentence in found.damage:
        click.echo(f"{click.style('damage:', fg='red', bold=True)} {sentence}")
    click.echo(
        click.style("all is well", fg="green", bold=True)
        if found.is_well
        else click.style("not all is well", fg="red", bold=True)
    )


def verification_document(found: Verification) -> dict[str, object]:
    """The verification as JSON has it."""
    return {
        "well": found.is_well,
        "lakes": {
            kind: {"batches": audit.batches, "files": audit.files, "bytes": audit.bytes}
            for kind, audit in found.audits.items()
        },
        "counts": [
            {"what": c.what, "table": c.table, "left": c.left, "right": c.right, "equal": c.equal}
            for c in found.counts
        ],
        "damage": found.damage,
    }
