"""The quarantine: rows that cannot enter the star, each with its reason, until they can.

It is a table of the processed lake like any other, keyed by model and source key; a `delete` in it
means that the row is out again: mended, or gone from the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from totes import duck
from totes.changes import Layer, current
from totes.contract import StarContract
from totes.star.inputs import SourceTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

QUARANTINE = "quarantine"
KEY = ("model", "key")
# `row` is the whole source row and `key` its key, as JSON; `since` the batch that first refused it
COLUMNS = {
    "model": "VARCHAR",
    "key": "VARCHAR",
    "source": "VARCHAR",
    "reason": "VARCHAR",
    "row": "VARCHAR",
    "since": "BIGINT",
    "batch": "BIGINT",
    "change": "VARCHAR",
}


def open_quarantine(engine: DuckDBPyConnection, layers: Sequence[Layer]) -> set[str]:
    """Make `pending` of what is in quarantine, and an empty `refused`; which models have rows."""
    columns = [column for column in COLUMNS if column != "change"]
    typed = ", ".join(f"{duck.name(name)} {kind}" for name, kind in COLUMNS.items())
    engine.execute(f"create or replace temp table refused ({typed})")
    engine.execute("create or replace temp table pending as select * exclude (change) from refused")
    if layers:
        engine.execute(f"insert into pending {current(layers, KEY, columns)}")
    return {model for (model,) in engine.execute("select distinct model from pending").fetchall()}


def key_of(columns: Sequence[str], relation: str) -> str:
    """SQL for a row's key as the quarantine spells it: a JSON object."""
    pairs = ", ".join(f"{duck.text(c)}, {relation}.{duck.name(c)}" for c in columns)
    return f"cast(json_object({pairs}) as varchar)"


def retried(star: StarContract, table: SourceTable) -> str:
    """SQL for the source rows of a model that are in quarantine, as they are now."""
    keys = f"select key from pending where model = {duck.text(star.name)}"
    spelled = key_of(table.contract.key, "live")
    return f"select * from ({table.current_rows()}) as live where {spelled} in ({keys})"


def settle(engine: DuckDBPyConnection, star: StarContract, table: SourceTable, batch: int) -> None:
    """Write to `refused` what changes in quarantine for one model, from `judged` and its driver."""
    matched = " and ".join(
        f"driver.{duck.name(theirs)} = judged.{duck.name(ours)}"
        for theirs, ours in zip(table.contract.key, star.key, strict=True)
    )
    pairs = ", ".join(f"{duck.text(c)}, driver.{duck.name(c)}" for c in table.contract.columns)
    model = duck.text(star.name)
    bad = (
        f"select {model} as model, {key_of(table.contract.key, 'driver')} as key, "
        f"{duck.text(table.contract.name)} as source, judged.reason, "
        f"cast(json_object({pairs}) as varchar) as row "
        f"from judged join {duck.name(table.contract.name)} as driver on {matched} "
        f"where judged.reason is not null"
    )
    engine.execute(
        f"insert into refused "
        f"select bad.*, coalesce(pending.since, {batch}), {batch}, "
        f"case when pending.key is null then 'insert' else 'update' end "
        f"from ({bad}) as bad left join pending using (model, key) "
        f"where pending.key is null or bad.reason <> pending.reason or bad.row <> pending.row "
        f"union all "
        f"select pending.* replace ({batch} as batch), 'delete' from pending "
        f"where model = {model} and key not in (select key from ({bad}))"
    )
