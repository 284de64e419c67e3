"""Cursors: what the lake knows of a table, and whether that still says what is new in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from totes.changes import Layer, Snapshot
from totes.extract.catalog import FoundTable


@dataclass(frozen=True)
class Known:
    """What the lake holds of a table: up to which snapshot, how many rows, and which change files.

    `key` are the columns that its rows were told apart by, `extra` those that were not in the
    contract. `layers` is called only where there is something to compare with, as it may have to
    fetch them.
    """

    cursor: Snapshot
    oid: int
    contract: str
    key: tuple[str, ...]
    extra: dict[str, str]
    rows: int
    layers: Callable[[], Sequence[Layer]]


def why_full(table: FoundTable, known: Known | None, snapshot: Snapshot) -> str | None:
    """Why a table must be read whole: its cursor says nothing about this database. Else None."""
    if known is None:
        return "first capture"
    cursor = known.cursor
    reasons = {
        "the contract changed": known.contract != table.contract.fingerprint,
        "columns outside the contract changed": known.extra != table.extra,
        "another database system": cursor.system != snapshot.system,
        "another timeline of the database system": cursor.timeline != snapshot.timeline,
        "another database": cursor.database != snapshot.database,
        "the table was made anew": known.oid != table.oid,
        "transaction ids went backwards": snapshot.xmax < cursor.xmax,
        "too many transactions since the last capture": snapshot.xmax - cursor.xmin >= 1 << 31,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)
