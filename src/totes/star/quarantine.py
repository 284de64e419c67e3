"""The quarantine: rows that cannot enter the star, each with its reason, until they can.

It is a table of the processed lake like any other, keyed by model and source key; a `delete` in it
means that the row is out again: mended, or gone from the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from totes import duck
from totes.changes import CHANGE, RAW, Layer, current
from totes.contract import SourceContract, StarContract
from totes.errors import ModelError
from totes.star.inputs import SourceTable, lay_out
from totes.star.strict import FLOATS, keys_of

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
    """Make `totes_pending` of what is in quarantine, and an empty `totes_refused`.

    Gives the models that have rows in quarantine.
    """
    typed = ", ".join(f"{duck.name(name)} {kind}" for name, kind in COLUMNS.items())
    engine.execute(f"create or replace temp table totes_refused ({typed})")
    engine.execute(f"create or replace temp table totes_pending as {waiting(layers)}")
    models = engine.execute("select distinct model from totes_pending").fetchall()
    return {model for (model,) in models}


def waiting(layers: Sequence[Layer]) -> str:
    """SQL for the rows that are in quarantine."""
    return current(layers, KEY, {name: kind for name, kind in COLUMNS.items() if name != "change"})


def key_of(types: Mapping[str, str], relation: str, names: Sequence[str] | None = None) -> str:
    """SQL for a row's key as the quarantine spells it: a JSON object, under `names` or its own.

    `types` are the key's columns with their types.
    """
    pairs = zip(names or types, types.items(), strict=True)
    return _json({name: _value(f"{relation}.{duck.name(c)}", kind) for name, (c, kind) in pairs})


def _key_types(contract: SourceContract) -> dict[str, str]:
    return {name: contract.types[name] for name in contract.key}


def _row(contract: SourceContract, relation: str) -> str:
    """SQL for a whole source row, as JSON."""
    values = {n: _value(f"{relation}.{duck.name(n)}", k) for n, k in contract.types.items()}
    return _json(values)


def _json(values: Mapping[str, str]) -> str:
    """SQL for the text of a JSON object: name → SQL of its value."""
    pairs = ", ".join(f"{duck.text(name)}, {value}" for name, value in values.items())
    return f"cast(json_object({pairs}) as varchar)"


def _value(value: str, kind: str) -> str:
    """SQL for a value in JSON, which has no number for NaN and infinity: they are text there."""
    if kind not in FLOATS:
        return value
    spelled = f"replace(replace({value}::varchar, 'inf', 'Infinity'), 'nan', 'NaN')"
    return f"case when isfinite({value}) then to_json({value}) else to_json({spelled}) end"


def retried(star: StarContract, table: SourceTable) -> str:
    """SQL for the source rows of a model that are in quarantine, as they are now."""
    keys = f"select key from totes_pending where model = {duck.text(star.name)}"
    spelled = key_of(_key_types(table.contract), "live")
    return f"select * from ({table.current_rows()}) as live where {spelled} in ({keys})"


def divide(engine: DuckDBPyConnection, star: StarContract, table: SourceTable, rows: str) -> None:
    """Lay out those of the driving table's `rows` that the model can read; the others, which have
    a value that the lake has no type for, are put aside as `totes_unreadable`."""
    names, key = duck.names(table.contract.types), key_of(_key_types(table.contract), "rows")
    readable = f"select {names} from ({rows}) where {RAW} is null"
    lay_out(engine, table.contract.name, readable)
    engine.execute(
        f"create or replace temp table totes_unreadable as "
        f"select {duck.text(star.name)} as model, {key} as key, "
        f"{duck.text(table.contract.name)} as source, "
        f"'beyond what the lake can hold: ' || {RAW} as reason, "
        f"cast(json_merge_patch({_row(table.contract, 'rows')}, {RAW}) as varchar) as row "
        f"from ({rows}) as rows where {RAW} is not null"
    )


def there(contract: SourceContract, layers: Sequence[Layer]) -> str:
    """SQL for the keys of a source table's current rows, spelled as the quarantine spells them."""
    rows = current(layers, contract.key, _key_types(contract), CHANGE)
    return f"select {key_of(_key_types(contract), 'live')} as key from ({rows}) as live"


def standing(star: StarContract, source: SourceContract, layers: Sequence[Layer], rows: str) -> str:
    """SQL for those of `rows`, of the model `star` in quarantine, that have a version in the star.

    It is an older one, which stands until the row is mended or deleted.
    """
    held = current(layers, star.key, {name: star.types[name] for name in star.key})
    return (
        f"select {duck.text(star.name)} as model, refused.totes_key as key "
        f"from ({refused_keys(star, source, rows)}) as refused join ({held}) as held "
        f"on {duck.matched(star.key, star.key, 'refused', 'held')}"
    )


def refused_keys(star: StarContract, source: SourceContract, rows: str) -> str:
    """SQL for the keys of a model among `rows` of the quarantine, in the star's names and types.

    Beside each stands how the quarantine spells it, as `totes_key`. One that cannot be a key of the
    star is left out.
    """
    parts = ", ".join(
        f"try_cast({_part(name)} as {source.types[name]}) as {duck.name(name)}"
        for name in source.key
    )
    mine = f"from ({rows}) as totes_spelled where model = {duck.text(star.name)}"
    read = f"select {parts}, key as totes_key {mine}"
    return keys_of(star, source, read, also="totes_key")


def _part(column: str) -> str:
    """SQL for one column's value, as text, in a key that is spelled as JSON."""
    pointer = "/" + column.replace("~", "~0").replace("/", "~1")
    return f"(totes_spelled.key ->> {duck.text(pointer)})"


def check_key(engine: DuckDBPyConnection, star: StarContract, table: SourceTable) -> None:
    """Raise ModelError unless the rows of `totes_judged` have the keys of the driving table's rows.

    Under any other key a deletion would find no row, or a wrong one, and a refused row would be
    neither in the star nor in quarantine. Compared are sums of hashes: no row is matched. A key of
    floating point is taken on trust, as the engine may write its 0 as -0.
    """
    source, types = table.contract, _key_types(table.contract)
    if FLOATS.keys() & types.values():
        return
    spelled = key_of(types, "driver")
    query = (
        f"select (select sum(hash(totes_key)) from totes_judged) is not distinct from "
        f"(select sum(hash({spelled})) from {duck.name(source.name)} as driver)"
    )
    ((is_same,),) = engine.execute(query).fetchall()
    if not is_same:
        raise ModelError(
            f"{star.name}.sql does not give {source.name}'s key as it is: {', '.join(star.key)} "
            f"must be {', '.join(source.key)}, or deletions would be lost",
            hint=f"select {', '.join(source.key)} unchanged in {star.name}.sql, in this order; "
            f"what is made of it goes into a column of its own",
        )


def settle(engine: DuckDBPyConnection, star: StarContract, table: SourceTable, batch: int) -> None:
    """Write to `totes_refused` what changes in quarantine for one model.

    The refused rows of `totes_judged` are found again in the driving table by its own key, which
    stands beside each as `totes_key`; with them come those that were unreadable.
    """
    model = duck.text(star.name)
    key = key_of(_key_types(table.contract), "driver")
    refused = "from totes_judged as judged where totes_reason is not null"
    engine.execute(
        f"create or replace temp table totes_bad as "
        f"select {model} as model, {key} as key, {duck.text(table.contract.name)} as source, "
        f"judged.totes_reason as reason, {_row(table.contract, 'driver')} as row "
        f"from ({refused}) as judged join {duck.name(table.contract.name)} as driver "
        f"on judged.totes_key = {key}"
    )
    bad = "from totes_bad union all from totes_unreadable"
    engine.execute(
        f"insert into totes_refused "
        f"select bad.*, coalesce(pending.since, {batch}), {batch}, "
        f"case when pending.key is null then 'insert' else 'update' end "
        f"from ({bad}) as bad left join totes_pending as pending using (model, key) "
        f"where pending.key is null or bad.reason <> pending.reason or bad.row <> pending.row "
        f"union all "
        f"select pending.* replace ({batch} as batch), 'delete' from totes_pending as pending "
        f"where model = {model} and key not in (select key from ({bad}))"
    )
