"""How a verification looks, on a terminal and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from totes.report import counted
from totes.terminal.basics import size, table

if TYPE_CHECKING:
    from totes.difference import Difference, Sum
    from totes.pipeline import Comparison, Verification

VERDICTS = {"equal": "equal", "differs": "DIFFERS", "unknown": "UNKNOWN"}
WHERE = {
    "source": "at the source",
    "lake": "in the lake",
    "star": "in the star",
    "warehouse": "in the warehouse",
}


def show_verification(found: Verification) -> None:
    """Print what verify went through, and what it found."""
    for kind, audit in found.audits.items():
        name = click.style(f"{kind} lake", bold=True)
        up_to = f"{audit.batches:,} batch{'' if audit.batches == 1 else 'es'}"
        click.echo(f"{name}: {up_to}, {counted(audit.files, 'file')}, {size(audit.bytes)}")
    if found.comparisons:
        header = ("compared", "table", "left", "right", "checksum", "", "")
        table(header, [_line(each) for each in found.comparisons])
    for each in found.comparisons:
        if each.differences.total:
            _show_differences(each)
    for sentence in found.damage:
        click.echo(f"{click.style('damage:', fg='red', bold=True)} {sentence}")
    for hint in found.hints:
        click.echo(f"{click.style('hint:', bold=True)} {hint}")
    click.echo(
        click.style("all is well", fg="green", bold=True)
        if found.is_well
        else click.style("not all is well", fg="red", bold=True)
    )


def _line(each: Comparison) -> tuple[str, ...]:
    return (
        each.what,
        each.table,
        f"{each.left.rows:,}" if each.left else "?",
        f"{each.right.rows:,}" if each.right else "?",
        _short(each.left) if each.equal else f"{_short(each.left)} / {_short(each.right)}",
        VERDICTS[each.verdict],
        each.explained,
    )


def _short(side: Sum | None) -> str:
    """A checksum's last digits, which are as good as any to tell two apart."""
    return f"{side.checksum:08x}"[-8:] if side else "?"


def _show_differences(each: Comparison) -> None:
    total = each.differences.total
    keys = counted(total, "key")
    named = f"{each.what}, {each.table}: {keys} differ{'s' if total == 1 else ''}"
    click.echo(click.style(named, fg="red", bold=True))
    for difference in each.differences.shown:
        key = ", ".join(
            f"{name} {'NULL' if value is None else value}" for name, value in difference.key.items()
        )
        click.echo(f"  {key}: {_said(each.what, difference)}")
    if hidden := total - len(each.differences.shown):
        click.echo(f"  and {hidden:,} more")


def _said(what: str, difference: Difference) -> str:
    left, right = (WHERE[side] for side in what.split(" = "))
    if difference.columns:
        return f"{', '.join(difference.columns)} differ{'' if difference.columns[1:] else 's'}"
    if difference.on_left and difference.on_right:
        return f"is not there as often {left} as {right}"
    return f"not {right if difference.on_left else left}"


def verification_document(found: Verification) -> dict[str, object]:
    """The verification as JSON has it."""
    return {
        "well": found.is_well,
        "lakes": {
            kind: {"batches": audit.batches, "files": audit.files, "bytes": audit.bytes}
            for kind, audit in found.audits.items()
        },
        "comparisons": [_document(each) for each in found.comparisons],
        "damage": found.damage,
        "hints": found.hints,
    }


def _document(each: Comparison) -> dict[str, object]:
    left, right = each.what.split(" = ")
    return {
        "what": each.what,
        "table": each.table,
        "verdict": each.verdict,
        "left": _sum(each.left),
        "right": _sum(each.right),
        "explained": each.explained,
        "differing": each.differences.total,
        "keys": [
            {
                "key": difference.key,
                "missing": None
                if difference.on_left == difference.on_right
                else (right if difference.on_left else left),
                "columns": difference.columns,
            }
            for difference in each.differences.shown
        ],
    }


def _sum(side: Sum | None) -> dict[str, object] | None:
    return {"rows": side.rows, "checksum": f"{side.checksum:x}"} if side else None
