"""Cursors: what the lake knows of a table, and whether that still says what is new in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from totes.changes import Layer, Snapshot
from totes.errors import TransientError
from totes.extract.catalog import FoundTable
from totes.extract.fingerprint import why_altered
from totes.extract.server import SETTING
from totes.extract.source import Source


@dataclass(frozen=True)
class Known:
    """What the lake holds of a table: up to which snapshot, how many rows, and which change files.

    `key` are the columns that its rows were told apart by, `extra` those that were not in the
    contract, `catalogue` the fingerprint of its part of the catalogue. `layers` is called only
    where there is something to compare with, as it may have to fetch them.
    """

    cursor: Snapshot
    oid: int
    contract: str
    key: tuple[str, ...]
    extra: dict[str, str]
    catalogue: Mapping[str, int]
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
        # its files may have been put back, and its ids have caught up with those that we have seen
        "the server was started anew": _differ(cursor.started_at, snapshot.started_at),
        # what it had not written to disk is gone, and its ids are given out again
        "the server recovered from a crash": not cursor.durable
        and _differ(cursor.reset_at, snapshot.reset_at),
    }
    first = next((reason for reason, holds in reasons.items() if holds), None)
    return first or why_altered(known.catalogue, table.catalogue)


def _differ(before: datetime | None, now: datetime | None) -> bool:
    """Whether both are known, and not the same."""
    return None not in (before, now) and before != now


def check_not_behind(cursors: Iterable[Snapshot], source: Source) -> None:
    """Raise TransientError if the source is a standby that has yet to replay what the lake holds.

    To compare with it would take the newest rows back, for as long as it lags. Its snapshots do not
    tell which transactions are open; the place in the log does. Where that is not known, all that
    the lake's snapshot saw, open or not, must have ended.
    """
    snapshot = source.snapshot
    if not snapshot.of_standby:
        return
    for cursor in cursors:
        if (cursor.system, cursor.database) != (snapshot.system, snapshot.database):
            continue
        if cursor.lsn is None or source.replayed is None:
            is_behind = snapshot.xmin < cursor.xmax
        else:
            is_behind = source.replayed < cursor.lsn or snapshot.xmin < cursor.xmin
        if is_behind or snapshot.xmax < cursor.xmax:
            raise TransientError(
                f"{SETTING} is a standby that lags behind the lake: it has come to transaction "
                f"{snapshot.xmin}, the lake to {cursor.xmax}",
                hint=f"wait for it, or name the primary in {SETTING}; if the primary itself was "
                "set back for good: totes verify --repair",
            )
