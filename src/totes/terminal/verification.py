"""How a verification looks, on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from totes.report import counted
from totes.terminal.basics import size, table

if TYPE_CHECKING:
    from totes.pipeline.verification import Verification


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
