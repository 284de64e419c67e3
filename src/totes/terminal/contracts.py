"""How contracts and what is wrong with them look, on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from totes.report import counted

if TYPE_CHECKING:
    from totes.pipeline.contracts import ContractCheck, Inferred


def show_contract_check(found: ContractCheck) -> None:
    """Print what stops a table, then what does not."""
    for name in found.tables:
        problem = found.problems.get(name)
        if problem:
            click.echo(f"{click.style('stops:', fg='red', bold=True)} {problem}")
            if problem.hint:
                click.echo(f"  {click.style('hint:', bold=True)} {problem.hint}")
        for note in found.notes.get(name, ()):
            click.echo(f"{click.style('note:', bold=True)} {name}: {note}")
    for name in found.uncontracted:
        click.echo(f"{click.style('note:', bold=True)} {name}: no contract is about this table")
    for lack in found.lacking:
        click.echo(f"{click.style('note:', bold=True)} the server: {lack}")
    stopped = len(found.problems)
    click.echo(
        f"{counted(len(found.tables), 'contract')}: "
        + (f"{stopped} not kept" if stopped else click.style("all kept", fg="green", bold=True))
    )


def contract_check_document(found: ContractCheck) -> dict[str, object]:
    """The comparison as JSON has it."""
    return {
        "well": found.is_well,
        "tables": {
            name: {
                "problem": str(found.problems[name]) if name in found.problems else None,
                "hint": found.problems[name].hint if name in found.problems else None,
                "notes": list(found.notes.get(name, ())),
            }
            for name in found.tables
        },
        "uncontracted": found.uncontracted,
        "lacking": found.lacking,
    }


def show_inferred(made: Inferred) -> None:
    """Print what was written, and what is left to do."""
    click.echo(f"{counted(len(made.tables), 'contract')} in {made.folder / 'source'}")
    for remark in made.remarks:
        click.echo(f"{click.style('note:', bold=True)} {remark}")
    click.echo(
        f"next: write what the columns mean, then {made.folder / 'star'}; "
        f"set TOTES_MODEL={made.folder}"
    )


def inferred_document(made: Inferred) -> dict[str, object]:
    """What was written, as JSON has it."""
    return {"folder": str(made.folder), "tables": made.tables, "remarks": made.remarks}
