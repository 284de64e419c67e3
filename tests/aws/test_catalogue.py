"""The catalogue for Athena: it is what the contracts say, and what lies in the lakes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.world import World
from totes.aws import catalogue
from totes.contract import DataModel, shipped_model
from totes.lake import keys

STORED = Path(__file__).parents[2] / "terraform/modules/catalogue/tables.json"
COMMAND = "python -m totes.aws.catalogue > terraform/modules/catalogue/tables.json"

# Athena's type → how DuckDB describes what a Parquet file holds in such a column.
HELD = {
    "smallint": {"SMALLINT"},
    "int": {"INTEGER"},
    "bigint": {"BIGINT", "TIME"},
    "float": {"FLOAT"},
    "double": {"DOUBLE"},
    "boolean": {"BOOLEAN"},
    "date": {"DATE"},
    "timestamp": {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
    "string": {"VARCHAR"},
}


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    """The catalogue as Terraform reads it."""
    loaded: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def ran(world: World) -> World:
    """A world with a first batch, and a second in which a sales order changed."""
    world.run()
    world.change("update sales_order set units_sold = units_sold + 1, last_updated = now()")
    world.run()
    return world


def test_what_is_stored_is_what_the_contracts_say() -> None:
    """The JSON that Terraform reads is made from the contracts as they are now."""
    fresh = catalogue.text(DataModel.load(shipped_model()))
    assert STORED.read_text(encoding="utf-8") == fresh, f"stale; hint: {COMMAND}"


def test_every_table_is_there_twice(stored: dict[str, Any]) -> None:
    """Each table of a contract is there with its whole history, and batch by batch."""
    model = DataModel.load(shipped_model())
    named = {"ingestion": set(model.sources), "processed": {*model.stars, "quarantine"}}
    for lake, names in named.items():
        there = {table["name"] for table in stored["tables"] if table["lake"] == lake}
        assert there == names | {f"{name}_by_batch" for name in names} | {"manifests"}


def test_no_column_is_said_twice(stored: dict[str, Any]) -> None:
    """What is a partition is no column as well: Athena would refuse the table."""
    for table in stored["tables"]:
        names = [column["name"] for column in [*table["columns"], *table["partitions"]]]
        assert len(set(names)) == len(names), table["name"]
        assert all(name == name.lower() for name in names)


def filled(table: dict[str, Any], **values: int) -> str:
    """The folder of a partition, as Athena reckons it."""
    folder: str = table["template"]
    for partition in table["partitions"]:
        lowest, highest = map(int, partition["range"].split(","))
        assert lowest <= values[partition["name"]] <= highest
        number = f"{values[partition['name']]:0{partition['digits']}d}"
        folder = folder.replace(f"${{{partition['name']}}}", number)
    return folder


@pytest.mark.parametrize("batch", [1, 999, 1_000, 1_234_567, 9_999_999])
def test_partitions_lie_where_the_lake_puts_them(stored: dict[str, Any], batch: int) -> None:
    """The folder that Athena reckons for a batch is the one in which its files are."""
    numbers = {"batch": batch, "million": batch // 1_000_000, "thousand": batch // 1_000 % 1_000}
    for table in stored["tables"]:
        name = table["name"].removesuffix("_by_batch")
        key = keys.manifest(batch) if name == "manifests" else keys.data(name, batch, "0" * 64)
        assert key.startswith(filled(table, **numbers))
        assert key.startswith(table["location"])


def described(files: list[str]) -> dict[str, str]:
    """Column → type of what lies in Parquet files."""
    rows = duckdb.execute("describe from read_parquet($files)", {"files": files}).fetchall()
    return {row[0]: row[1] for row in rows}


def test_columns_are_those_of_the_files(ran: World, stored: dict[str, Any]) -> None:
    """Every file in the lakes has the columns and types that Athena is told."""
    seen = 0
    for table in stored["tables"]:
        files = [str(path) for path in (ran.folder / table["lake"]).glob(f"{table['name']}/*/*")]
        if table["format"] != "parquet" or not files:
            continue
        held = described(files)
        assert list(held) == [column["name"] for column in table["columns"]], table["name"]
        for column in table["columns"]:
            kind = held[column["name"]]
            allowed = HELD.get(column["type"], {column["type"].upper()})
            assert kind in allowed, (table["name"], column)
        seen += 1
    assert seen >= 20


def test_names_of_manifests_are_read(ran: World, stored: dict[str, Any]) -> None:
    """The expression finds, in every manifest, all files and the moment, and no half value."""
    (table,) = (t for t in stored["tables"] if (t["lake"], t["name"]) == ("processed", "manifests"))
    pairs = set(lines(ran, table["serde"]["input.regex"]))
    files = {str(p.relative_to(ran.folder / "processed")) for p in parquet(ran, "processed")}
    assert {value for name, value in pairs if name == "key" and value} == files
    taken = [value for name, value in pairs if name == "taken_at"]
    assert len(taken) >= 2
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", value) for value in taken)


def parquet(world: World, lake: str) -> Iterator[Path]:
    return (world.folder / lake).rglob("*.parquet")


def lines(world: World, regex: str) -> Iterator[tuple[str, str]]:
    """What Hive's RegexSerDe makes of the manifests: a whole line matches, or is nothing."""
    for manifest in (world.folder / "processed/manifests").rglob("*.json"):
        for line in manifest.read_text(encoding="utf-8").splitlines():
            if match := re.fullmatch(regex, line):
                yield match[1], match[2]


def leave(world: World) -> None:
    """Leave what a run leaves that ends before its manifest: a file that none names."""
    file = next((world.folder / "processed/fact_sales_order").rglob("*.parquet"))
    folder = file.parents[1] / "000000003"
    folder.mkdir()
    shutil.copy(file, folder / file.name)


@pytest.fixture
def athena(ran: World, stored: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """DuckDB in Athena's stead: the processed lake's tables, and the functions that it lacks."""
    leave(ran)
    engine = duckdb.connect()
    for table in stored["tables"]:
        if table["lake"] == "processed" and table["name"].startswith(("fact_", "dim_")):
            name = table["name"].removesuffix("_by_batch")
            files = str(ran.folder / "processed" / name / "*" / "*.parquet")
            engine.execute(
                f"create or replace view {name} as select * exclude (path), "
                f"replace(path, '{ran.folder}/processed', 's3://bucket') as \"$path\" "
                f"from read_parquet('{files}', filename = 'path')"
            )
    regex = next(t for t in stored["tables"] if t["name"] == "manifests")["serde"]["input.regex"]
    engine.execute("create table manifests (name varchar, value varchar)")
    engine.executemany("insert into manifests values (?, ?)", [list(p) for p in lines(ran, regex)])
    engine.execute("create macro from_iso8601_timestamp(text) as cast(text as timestamptz)")
    engine.execute("set timezone = 'UTC'")
    return engine


def asked(
    engine: duckdb.DuckDBPyConnection, stored: dict[str, Any], name: str, key: int = 1
) -> list[Any]:
    """The rows of a named query, its example of a key replaced; moments in UTC."""
    (sql,) = (query["sql"] for query in stored["queries"] if query["name"] == name)
    kinds = engine.execute(f"describe {sql}").fetchall()
    moments = [kind[0] for kind in kinds if kind[1] == "TIMESTAMP WITH TIME ZONE"]
    plain = ", ".join(f"cast({moment} as timestamp) as {moment}" for moment in moments)
    sql = sql.replace("_id = 1\n", f"_id = {key}\n")
    columns = f"* replace ({plain})" if plain else "*"
    return engine.execute(f"select {columns} from ({sql})").fetchall()


@pytest.mark.parametrize("name", ["sales_order", "purchase_order", "payment"])
def test_the_current_rows_are_the_warehouse_s(
    ran: World, athena: duckdb.DuckDBPyConnection, stored: dict[str, Any], name: str
) -> None:
    """A named query gives the rows that the warehouse's view gives, and none of a lost run."""
    rows = asked(athena, stored, f"current_{name}")
    assert rows
    assert sorted(rows) == sorted(ran.ask(f"select * from current_{name}"))


def test_the_history_of_an_order(
    ran: World, athena: duckdb.DuckDBPyConnection, stored: dict[str, Any]
) -> None:
    """A named query gives every version of an order, oldest first, and each once."""
    ((key,),) = ran.ask("select min(sales_order_id) from fact_sales_order")
    rows = asked(athena, stored, "sales_order_history", key)
    query = f"select * from fact_sales_order where sales_order_id = {key} order by batch"
    assert len(rows) == 2
    assert rows == ran.ask(query)


def test_freshness_is_the_newest_snapshot_s(
    ran: World, athena: duckdb.DuckDBPyConnection, stored: dict[str, Any]
) -> None:
    """A named query says of which moment the lake is true: the ledger's last."""
    ((true_of, lag),) = asked(athena, stored, "freshness")
    ((taken_at,),) = ran.ask("select max(taken_at) from totes.ledger")
    assert true_of == taken_at
    assert 0 <= lag < 600
