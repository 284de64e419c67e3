"""How the reports of a run look."""

from __future__ import annotations

from collections.abc import Sequence

import click

from totes.report import Report, counted
from totes.terminal.basics import or_dot, size, table


def show_reports(reports: Sequence[Report], *, profile: bool = False) -> None:
    """Print what each stage did; its tables, unless they are those of the stage before.

    With `profile` also where its seconds went.
    """
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
                        or_dot(t.inserted),
                        or_dot(t.updated),
                        or_dot(t.deleted),
                        size(t.bytes),
                        t.note or "",
                    )
                    for name, t in changed.items()
                ],
            )
        for name, t in report.tables.items():
            if t.note and not t.rows:
                click.echo(f"  {name}: {t.note}")
        before = counts
        if profile:
            show_parts(report)
        for problem in report.problems.values():
            click.echo(f"  {click.style('stopped:', fg='red', bold=True)} {problem}")
            if problem.hint:
                click.echo(f"    {click.style('hint:', bold=True)} {problem.hint}")


def show_parts(report: Report) -> None:
    """Print where a stage's seconds and bytes went; what passed beside other parts in brackets."""
    rows = [
        (
            name,
            f"({part.seconds:.3f})" if part.beside else f"{part.seconds:.3f}",
            f"{100 * part.seconds / (report.seconds or 1):.0f} %",
            or_dot(part.calls),
            size(part.bytes) if part.bytes else "",
        )
        for name, part in report.parts.items()
    ]
    table(("part", "seconds", "", "times", "bytes"), rows)
