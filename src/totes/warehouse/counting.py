"""What the warehouse holds, counted: for `totes status`, and to reconcile it with the lake."""

from __future__ import annotations

import psycopg
from psycopg import sql

from totes.contract import DataModel, StarContract
from totes.warehouse.schema import relation


def versions(connection: psycopg.Connection, model: DataModel) -> dict[str, int]:
    """Table → rows: versions of a fact, members of a dimension."""
    return {star.name: _count(connection, relation(star)) for star in model.load_order}


def live_rows(connection: psycopg.Connection, model: DataModel) -> dict[str, int]:
    """Table → rows that are there today: of a fact, those whose newest version is no deletion."""
    return {star.name: _count(connection, _live(star)) for star in model.load_order}


def _live(star: StarContract) -> sql.Composable:
    if not star.is_fact:
        return relation(star)
    key = sql.SQL(", ").join(map(sql.Identifier, star.key))
    newest = sql.SQL("select distinct on ({}) change from {} order by {}, batch desc").format(
        key, relation(star), key
    )
    return sql.SQL("({}) as newest where change <> 'delete'").format(newest)


def _count(connection: psycopg.Connection, rows: sql.Composable) -> int:
    row = connection.execute(sql.SQL("select count(*) from {}").format(rows)).fetchone()
    return int(row[0]) if row else 0
