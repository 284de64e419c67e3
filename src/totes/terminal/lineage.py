"""How lineage looks, on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from totes.terminal.basics import table

if TYPE_CHECKING:
    from totes.lineage import Lineage

SAID = {"source": "", "reference": " (reference data)", "rates": " (rates)", "totes": " (Totes)"}


def lineage_document(found: Sequence[Lineage]) -> list[dict[str, Any]]:
    """It as JSON: a list, a column an entry."""
    return [
        {
            "table": column.table,
            "column": column.column,
            "origins": [origin._asdict() for origin in column.origins],
            "reads": [step._asdict() for step in column.reads],
        }
        for column in found
    ]


def show_lineage(found: Sequence[Lineage]) -> None:
    """A line per origin: what comes from where, and which columns it is read from."""
    rows: list[tuple[str, str, str]] = []
    for column in found:
        ends = [f"{origin}{SAID[origin.kind]}" for origin in column.origins] or ["nothing stored"]
        steps = [str(step) for step in column.reads]
        names = [column.column]
        for line in range(max(len(ends), len(steps))):
            cells = [part[line] if line < len(part) else "" for part in (names, ends, steps)]
            rows.append((cells[0], cells[1], cells[2]))
    table(("column", "comes from", "its SELECT reads"), rows)
