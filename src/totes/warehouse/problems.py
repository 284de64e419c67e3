"""What is amiss, for those who have only the warehouse: the source tables that were stopped, from
which batch to which and why, and what waits in quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg


@dataclass(frozen=True)
class Stopped:
    """Why a source table was left out of a batch, and what to do about it."""

    message: str
    hint: str | None


@dataclass(frozen=True)
class Refused:
    """How many rows of one model are in quarantine, and some reasons, of those that wait longest
    first."""

    rows: int
    reasons: list[str]


def note_stopped(
    connection: psycopg.Connection, batch: int, stopped: Mapping[str, Stopped]
) -> None:
    """Note the source tables that were left out of a batch; one that was left out of the batch
    before it has one row for both, with what is the matter by now."""
    note = """
        with going_on as (
            update totes.stopped
            set last_batch = %(batch)s, message = %(message)s, hint = %(hint)s
            where source = %(source)s and last_batch = %(batch)s - 1
            returning 1
        )
        insert into totes.stopped (source, first_batch, last_batch, message, hint)
        select %(source)s, %(batch)s, %(batch)s, %(message)s, %(hint)s
        where not exists (select from going_on)
    """
    for source, why in stopped.items():
        values = {"source": source, "batch": batch, "message": why.message, "hint": why.hint}
        connection.execute(note, values)


def note_refused(connection: psycopg.Connection, refused: Mapping[str, Refused]) -> None:
    """Note what is in quarantine now, by model, in place of what was."""
    connection.execute("delete from totes.quarantine")
    insert = "insert into totes.quarantine (model, rows, reasons) values (%s, %s, %s)"
    for model, waiting in refused.items():
        connection.execute(insert, [model, waiting.rows, waiting.reasons])
