"""The lakes as Athena sees them, made from the contracts.

`python -m totes.aws.catalogue` prints, as JSON, what `terraform/modules/catalogue` makes of them:
for each table of both lakes one over its whole history, and one `…_by_batch`, whose partitions are
batches. A question to the latter names the batches that it is about; without, Athena would try a
thousand million of them. The table `manifests` has a row for each line `"name": "value"` of a
manifest: so a question can leave out the files that no manifest names, as all readers have to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from totes.changes import CHANGE, INGESTED
from totes.config import Settings
from totes.contract import DataModel, SourceContract, StarContract
from totes.star.quarantine import COLUMNS, QUARANTINE

# A lake's DuckDB type → Athena's. It has none for a time of day, and reads what Parquet holds.
TYPES = {
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIME": "bigint",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "VARCHAR": "string",
}

OURS = {
    "batch": "the batch that made this version",
    "change": "what became of the row: insert, update or delete",
    "_xid": "the transaction that wrote the row",
    "_raw": "values that no type of the lake can hold, as JSON",
    CHANGE: "what became of the row: insert, update or delete",
}

LONGEST_COMMENT = 255

BATCH = {
    "name": "batch",
    "type": "bigint",
    "comment": "the batch; a question has to say which",
    "range": "1,999999999",
    "digits": 9,
}

# Ten million batches: at one a minute, nineteen years.
FOLDERS = (("million", "0,9"), ("thousand", "0,999"))

# A file that no manifest names is what a run left that did not end.
COMMITTED = """regexp_replace("$path", '^s3://[^/]+/', '') in (
        select value from manifests where name = 'key'
    )"""


def catalogue(model: DataModel) -> dict[str, Any]:
    """All tables and named queries, as Terraform reads them."""
    return {"tables": list(_tables(model)), "queries": list(_queries(model))}


def text(model: DataModel) -> str:
    """The catalogue as it is stored: the same model gives the same bytes."""
    return json.dumps(catalogue(model), indent=1, ensure_ascii=False) + "\n"


def _tables(model: DataModel) -> Iterator[dict[str, Any]]:
    for source in model.sources.values():
        types = {**source.types, **INGESTED}
        yield from _twice("ingestion", source.name, source.grain, types, _meanings(source))
    for star in model.stars.values():
        yield from _twice("processed", star.name, star.grain, star.types, _meanings(star))
    grain = "one row per change of what cannot enter the star"
    yield from _twice("processed", QUARANTINE, grain, COLUMNS, {})
    yield from (_manifests(lake) for lake in ("ingestion", "processed"))


def _meanings(contract: SourceContract | StarContract) -> dict[str, str]:
    """What each column means, with its unit, and how to read it where Athena has no such type."""
    meanings = {}
    for name, column in contract.columns.items():
        unit = f" ({column.unit})" if column.unit else ""
        micros = "; microseconds since midnight" if column.type.ingested == "TIME" else ""
        meanings[name] = f"{column.meaning}{unit}{micros}"
    return meanings


def _twice(
    lake: str, name: str, grain: str, types: Mapping[str, str], meanings: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """A table over all its change files, and one whose partitions are batches."""
    columns = [
        {
            "name": column,
            "type": _glue_type(kind),
            "comment": {**OURS, **meanings}.get(column, "")[:LONGEST_COMMENT],
        }
        for column, kind in types.items()
    ]
    table = {
        "lake": lake,
        "name": name,
        "description": f"{grain}; all changes of all batches",
        "format": "parquet",
        "serde": {"serialization.format": "1"},
        "location": f"{name}/",
        "template": f"{name}/",
        "columns": columns,
        "partitions": [],
    }
    yield table
    yield {
        **table,
        "name": f"{name}_by_batch",
        "description": f"{grain}; the changes of the batches that the question names",
        "template": f"{name}/${{batch}}/",
        "columns": [column for column in columns if column["name"] != "batch"],
        "partitions": [BATCH],
    }


def _glue_type(kind: str) -> str:
    return kind.lower() if kind.startswith("DECIMAL") else TYPES[kind]


def _manifests(lake: str) -> dict[str, Any]:
    return {
        "lake": lake,
        "name": "manifests",
        "description": "one row per line of a manifest that has a name and a value",
        "format": "lines",
        "serde": {"input.regex": r'\s*"(\w+)": "?([^",{\[]*)"?,?'},
        "location": "manifests/",
        "template": "manifests/${million}/${thousand}/",
        "columns": [
            {"name": "name", "type": "string", "comment": "for example key, taken_at or sha256"},
            {"name": "value", "type": "string", "comment": "as it is written, without quotes"},
        ],
        "partitions": [
            {
                "name": name,
                "type": "int",
                "comment": f"the batch's {name}s, in manifests/000/000/001.json",
                "range": numbers,
                "digits": 3,
            }
            for name, numbers in FOLDERS
        ],
    }


def _queries(model: DataModel) -> Iterator[dict[str, str]]:
    for fact in (star for star in model.stars.values() if star.is_fact):
        plain = fact.name.removeprefix("fact_")
        yield {
            "name": f"current_{plain}",
            "lake": "processed",
            "description": f"The newest version of each {_spoken(plain)} that was not deleted",
            "sql": _current(fact),
        }
        yield {
            "name": f"{plain}_history",
            "lake": "processed",
            "description": f"All versions of one {_spoken(plain)}: put its key in place of 1",
            "sql": _history(fact),
        }
    yield {
        "name": "freshness",
        "lake": "processed",
        "description": "Of which moment the processed lake is true, and how long ago that was",
        "sql": FRESHNESS,
    }


FRESHNESS = """select
    max(from_iso8601_timestamp(value)) as true_of,
    date_diff('second', max(from_iso8601_timestamp(value)), current_timestamp) as lag_seconds
from manifests
where name = 'taken_at'
"""


def _current(fact: StarContract) -> str:
    columns = ",\n    ".join(_name(column) for column in fact.types)
    return f"""select
    {columns}
from (
    select *, row_number() over (partition by {_names(fact.key)} order by batch desc) as newest
    from {_name(fact.name)}
    where {COMMITTED}
) as version
where newest = 1 and change <> 'delete'
"""


def _history(fact: StarContract) -> str:
    columns = ",\n    ".join(_name(column) for column in fact.types)
    key = " and ".join(f"{_name(column)} = {_example(fact, column)}" for column in fact.key)
    return f"""select
    {columns}
from {_name(fact.name)}
where {key}
    and {COMMITTED}
order by batch
"""


def _example(fact: StarContract, column: str) -> str:
    return "'1'" if fact.types[column] == "VARCHAR" else "1"


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(_name(column) for column in columns)


def _name(name: str) -> str:
    """An identifier, in quotes where Athena needs them."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    print(text(Settings().data_model()), end="")
