"""How the status looks, on a terminal, as plain text and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from totes.report import counted
from totes.terminal.basics import cut, printable, spelled, table
from totes.terminal.health import Mood, freshness, next_steps, where

if TYPE_CHECKING:
    from rich.console import RenderableType

    from totes.pipeline.status import StageStatus, Status

COLOURS: dict[Mood, str] = {"good": "green", "poor": "yellow", "bad": "red"}
LONGEST_REASON = 160  # characters


@dataclass(frozen=True)
class Fact:
    """Something to be told: a label, in the colour of how good it is, and lines."""

    label: str
    lines: list[str]
    mood: Mood | None = None


def show_status(found: Status) -> None:
    """Print where every stage is, and below it what needs to be seen: problems, what is in
    quarantine, how fresh the warehouse is, and the next command."""
    if sys.stdout.isatty():
        _draw(found)
        return
    for name, stage in found.stages.items():
        _say(_of_stage(name, stage, found))
        if stage.rows:
            table(("table", _counted(stage, found)), [(t, f"{n:,}") for t, n in stage.rows.items()])
    for fact in facts(found):
        _say(fact)


def _say(fact: Fact) -> None:
    label = click.style(fact.label, fg=COLOURS[fact.mood] if fact.mood else None, bold=True)
    click.echo("\n  ".join([f"{label}: {fact.lines[0]}", *fact.lines[1:]]))


def _draw(found: Status) -> None:
    """What _say() tells, for a terminal: the tables side by side, as many as it has room for."""
    from rich.columns import Columns
    from rich.console import Console
    from rich.padding import Padding

    stages = found.stages.items()
    console = Console(highlight=False)
    console.print(_aligned([_of_stage(name, stage, found) for name, stage in stages]))
    drawn = [_table(name, stage, found) for name, stage in stages if stage.rows]
    if drawn:
        console.print(Padding(Columns(drawn, padding=(1, 3)), (1, 0)))
    console.print(_aligned(facts(found)))


def _aligned(told: list[Fact]) -> RenderableType:
    """Labels and lines in two columns; a line that is too long is broken between words."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    def indented(line: str) -> Padding:
        text = line.lstrip()
        return Padding(Text(text), (0, 0, 0, len(line) - len(text)))

    grid = Table.grid(padding=(0, 2))
    for fact in told:
        style = f"bold {COLOURS[fact.mood] if fact.mood else ''}"
        grid.add_row(Text(fact.label, style, no_wrap=True), Group(*map(indented, fact.lines)))
    return grid


def _table(name: str, stage: StageStatus, found: Status) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=name, box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    drawn.title_justify, drawn.title_style = "left", "bold"
    drawn.add_column("table")
    drawn.add_column(_counted(stage, found), justify="right")
    for table_name, rows in stage.rows.items():
        stopped = table_name in stage.problems
        drawn.add_row(Text(table_name, "bold red" if stopped else ""), f"{rows:,}")
    return drawn


def _counted(stage: StageStatus, found: Status) -> str:
    return "versions" if stage is found.warehouse else "rows now"


def _of_stage(name: str, stage: StageStatus, found: Status) -> Fact:
    hint = [f"hint: {stage.error.hint}"] if stage.error and stage.error.hint else []
    return Fact(name, [printable(where(stage, found)), *hint], "bad" if stage.error else None)


def facts(found: Status) -> list[Fact]:
    """What there is to be told below the stages, the most important last, where eyes are."""
    fresh = freshness(found)
    steps = [f"{step.command}  # {step.why}" for step in next_steps(found)]
    return [
        *_notes(found),
        *_problems(found),
        _quarantine(found),
        Fact(fresh.word, [fresh.sentence], fresh.mood),
        Fact("next", steps),
    ]


def _problems(found: Status) -> Iterator[Fact]:
    for stage in found.stages.values():
        for name, problem in stage.problems.items():
            hint = [f"hint: {printable(stage.hints[name])}"] if name in stage.hints else []
            yield Fact("stopped", [printable(problem), *hint], "bad")


def _notes(found: Status) -> Iterator[Fact]:
    for stage in found.stages.values():
        for name, notes in stage.notes.items():
            for note in notes:
                yield Fact("note", [printable(f"{name}: {note}")])
        for name, reasons in stage.always.items():
            cost = f"all {counted(stage.rows[name], 'row')} are read each time"
            yield Fact("note", [printable(f"{name}: {cost}: {'; '.join(reasons)}")])


def _quarantine(found: Status) -> Fact:
    if found.processed.error:
        return Fact("quarantine", ["unknown"])
    lines = [counted(sum(found.quarantine.values()), "row")]
    for model, refused in found.refusals.items():
        lines.append(f"{model}: {refused.rows:,}")
        for key, reason in refused.first:
            lines.append(f"  {cut(spelled(key), 40)}: {cut(reason, LONGEST_REASON)}")
        if more := refused.rows - len(refused.first):
            lines.append(f"  and {more:,} more")
    return Fact("quarantine", lines, "poor" if found.refusals else None)


def status_document(found: Status) -> dict[str, object]:
    """The status as JSON has it; times are UTC, freshness in seconds."""

    def stage(status: StageStatus) -> dict[str, object]:
        return {
            "batch": status.batch,
            "true_at": status.true_at.isoformat() if status.true_at else None,
            "rows": status.rows,
            "bytes": status.bytes,
            "problems": status.problems,
            "hints": status.hints,
            "notes": status.notes,
            "always": status.always,
            "error": str(status.error) if status.error else None,
        }

    return {
        "now": found.now.isoformat(),
        "well": found.is_well,
        "ingestion": stage(found.ingestion),
        "processed": stage(found.processed),
        "warehouse": stage(found.warehouse),
        "quarantine": found.quarantine,
        "freshness": found.freshness,
    }
