"""What the warehouse holds, counted: for `totes status`."""

from __future__ import annotations

import psycopg
from psycopg import sql

from totes.contract import DataModel
from totes.warehouse.schema import check_model, relation


def versions(connection: psycopg.Connection, model: DataModel) -> dict[str, int]:
    """Table → rows: versions of a fact, members of a dimension.

    Raises ConfigurationError if the warehouse was made of another data model.
    """
    check_model(connection, model)
    counts = {}
    for star in model.load_order:
        count = sql.SQL("select count(*) from {}").format(relation(star))
        row = connection.execute(count).fetchone()
        counts[star.name] = int(row[0]) if row else 0
    return counts
