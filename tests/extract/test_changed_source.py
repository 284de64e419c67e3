"""A source whose tables change their shape: what stops, what goes on, and how it is made good."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.world import World
from totes import pipeline
from totes.contract import shipped_model
from totes.errors import ConfigurationError
from totes.report import Report

BEFORE = 'file_name = { type = "varchar"'


@pytest.fixture
def contract(ran: World) -> Path:
    """The contract of designs, in a copy of the data model that is the test's own."""
    return own_contract(ran)


def own_contract(world: World) -> Path:
    """The contract of designs, in a copy of the data model that is the world's from now on."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    return folder / "source" / "design.toml"


def mend(contract: Path, old: str, new: str) -> None:
    text = contract.read_text()
    assert text.count(old) == 1
    contract.write_text(text.replace(old, new))


def history(world: World, columns: str) -> list[tuple[Any, ...]]:
    """(batch, change, columns) of every design version in the ingestion lake."""
    found = []
    for path in sorted(world.folder.glob("ingestion/design/*/*.parquet")):
        rows = duckdb.execute(f"select _change, {columns} from '{path}' order by all").fetchall()
        found += [(int(path.parent.name), *row) for row in rows]
    return found


def stopped(world: World) -> str:
    """Run; the message of the problem, which must be that of designs alone, also in the status."""
    ingested, processed, loaded = world.run()
    assert list(ingested.problems) == ["design"]
    assert processed.at == loaded.at == ingested.at, "the others go on"
    message = str(ingested.problems["design"])
    found = pipeline.status(world.settings)
    assert found.ingestion.problems == {"design": message}
    assert not found.is_well
    return message


def well(world: World, name: str = "design_name") -> Report:
    """Run; all must be well, and designs in the warehouse as they are at the source."""
    ingested = world.run()[0]
    assert not ingested.problems
    assert pipeline.status(world.settings).is_well
    ours = world.ask("select design_id, design_name from dim_design order by 1")
    kept = {row[0] for row in world.ask("select design_id from design", source=True)}
    theirs = world.ask(f"select design_id, {name} from design order by 1", source=True)
    assert [row for row in ours if row[0] in kept] == theirs
    return ingested


def well_and_equal(world: World, name: str = "design_name") -> Report:
    """As well(); and every table is equal in all places, all batches being what they were."""
    ingested = well(world, name)
    assert pipeline.verify(world.settings).is_well
    return ingested


@pytest.mark.slow
def test_added_column_is_archived_and_told(ran: World) -> None:
    """A column that the contract does not have is in the lake, in the report and in the status;
    the exit is a good one, and the star has no new version of anything."""
    ran.change(
        "alter table design add column colour text default 'red', add column price numeric(9,3)",
        "update design set colour = 'blue', price = 1.250 where design_id = 8",
    )
    report = well(ran)
    note = report.tables["design"].note or ""
    assert "column colour (text) is not in the contract: archived, not modelled" in note
    assert note.startswith("columns outside the contract changed; ")
    notes = pipeline.status(ran.settings).ingestion.notes
    assert notes["design"][1].startswith("column price (numeric(9,3))")
    latest = [row for row in history(ran, "*") if row[0] == 2]
    assert len(latest) == report.tables["design"].rows
    found = history_of(ran, 2, "design_id, colour, price")
    assert ("update", 8, "blue", "1.250") in found
    assert ("update", 472, "red", None) in found
    assert ran.run()[1].batches == [], "and nothing more is told"
    ran.change("update design set colour = 'green' where design_id = 472")
    well_and_equal(ran)
    assert history_of(ran, 3, "design_id, colour, price") == [("update", 472, "green", None)]
    assert ran.ask("select count(*) from fact_sales_order where batch > 1") == [(0,)]


def history_of(world: World, batch: int, columns: str) -> list[tuple[Any, ...]]:
    (path,) = world.folder.glob(f"ingestion/design/{batch:09d}/*.parquet")
    rows: list[tuple[Any, ...]] = duckdb.execute(
        f"select _change, {columns} from '{path}' order by all"
    ).fetchall()
    return rows


@pytest.mark.slow
def test_added_column_that_the_contract_takes_up(ran: World, contract: Path) -> None:
    """A column that was archived for a while can be taken into the contract later."""
    ran.change("alter table design add column colour text default 'red'")
    well(ran)
    mend(contract, BEFORE, f'colour = {{ type = "text", meaning = "colour" }}\n{BEFORE}')
    report = well_and_equal(ran)
    assert (report.tables["design"].note or "").startswith("the contract changed; ")
    assert report.tables["design"].rows == 0, "the lake has the values already"
    note = "column colour may be NULL at the source, and not in the contract"
    assert pipeline.status(ran.settings).ingestion.notes == {"design": (note,)}


@pytest.mark.slow
def test_added_column_goes_again(ran: World) -> None:
    """A column outside the contract that is dropped leaves its history in the lake, and no row."""
    ran.change("alter table design add column colour text default 'red'")
    well(ran)
    ran.change("alter table design drop column colour", "delete from payment")
    ran.extra["deletion_limit"] = 1
    report = well(ran)
    assert report.tables["design"].rows == 0
    ran.change("update design set design_name = 'Plain' where design_id = 8")
    well_and_equal(ran)


def test_column_whose_name_is_taken_is_told(ran: World) -> None:
    """A new column that is called like one of ours, or like another but for case, is told."""
    ran.change('alter table design add column _xid int, add column "DESIGN_name" text')
    well_and_equal(ran)
    notes = pipeline.status(ran.settings).ingestion.notes["design"]
    assert notes == (
        "column _xid is not in the contract, and its name is taken: not archived",
        "column DESIGN_name is not in the contract, and its name is taken: not archived",
    )


@pytest.mark.slow
def test_dropped_column_stops_its_table_until_the_contract_is_mended(
    ran: World, contract: Path
) -> None:
    """Without a column that the contract has, the table waits; mended, it is caught up."""
    colour = 'colour = { type = "text", meaning = "colour", null = true }\n'
    mend(contract, BEFORE, colour + BEFORE)
    ran.change("delete from sales_order", "delete from design where design_id = 472")
    ran.extra["deletion_limit"] = 1
    assert stopped(ran) == "design: column colour is missing"
    mend(contract, colour, "")
    well_and_equal(ran)
    assert ("delete", 472) in [row[1:] for row in history(ran, "design_id")]


@pytest.mark.slow
def test_renamed_column_is_suspected_and_followed(ran: World, contract: Path) -> None:
    """A rename stops the table with the new name in the hint; one line in the contract mends it,
    and what was changed and deleted meanwhile arrives."""
    ran.change(
        "alter table design rename column design_name to title",
        "update design set title = 'Meanwhile' where design_id = 8",
        "delete from sales_order where design_id = 472",
        "delete from design where design_id = 472",
    )
    assert stopped(ran) == "design: column design_name is missing"
    problem = pipeline.ingest(ran.settings).problems["design"]
    assert problem.hint
    assert problem.hint.startswith('has it become title? then column = "title"')
    mend(contract, "design_name = {", 'design_name = { column = "title",')
    report = well(ran, name="title").tables["design"]
    assert (report.inserted, report.updated, report.deleted) == (0, 1, 1)
    assert ran.ask("select design_name from dim_design where design_id = 8") == [("Meanwhile",)]
    ran.change("update design set title = 'And on' where design_id = 8")
    well_and_equal(ran, name="title")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["smallint", "integer"])
def test_narrowed_column_goes_on(ran: World, kind: str) -> None:
    """A column whose type holds less than before still fits."""
    ran.change(
        "alter table sales_order drop constraint if exists sales_order_design_id_fkey",
        f"alter table design alter column design_id type {kind}",
    )
    well_and_equal(ran)


def test_widened_column_waits_for_the_contract(ran: World, contract: Path) -> None:
    """A type that can hold more than the contract's stops the table; mended, what is beyond the
    warehouse's type waits in quarantine, and the rest arrives."""
    ran.change(
        "alter table design alter column design_id type bigint",
        "insert into design values (5000000000, 'Far', 'f', 'g', '2023-01-01', '2023-01-01')",
        "update design set design_name = 'Meanwhile' where design_id = 8",
    )
    assert stopped(ran) == "design: column design_id is bigint, and should be integer"
    mend(contract, 'design_id = { type = "integer"', 'design_id = { type = "bigint"')
    ran.run()
    assert ran.ask("select design_name from dim_design where design_id = 8") == [("Meanwhile",)]
    assert pipeline.status(ran.settings).quarantine == {"dim_design": 1}


@pytest.mark.slow
def test_retyped_column_is_captured_anew(world: World) -> None:
    """Where no value of the old type is one of the new, all rows are archived anew, deletions
    included, and older batches stay readable as they were."""
    contract = own_contract(world)
    world.change("alter table design add column size text", "update design set size = '10'")
    world.change("update design set size = 'large' where design_id = 8")
    mend(contract, BEFORE, f'size = {{ type = "text", meaning = "size", null = true }}\n{BEFORE}')
    pipeline.ingest(world.settings)  # and not processed yet
    world.change(
        "delete from sales_order where design_id = 472",
        "delete from design where design_id = 472",
        "alter table design alter column size type integer "
        "using case when size = 'large' then 100 else size::integer end",
    )
    report = pipeline.ingest(world.settings)
    said = "design: column size is integer, and should be text"
    assert [str(problem) for problem in report.problems.values()] == [said]
    mend(contract, 'size = { type = "text"', 'size = { type = "integer"')
    rows = world.ask("select count(*) from design", source=True)[0][0]
    caught_up = well(world).tables["design"]
    assert (caught_up.inserted, caught_up.updated, caught_up.deleted) == (0, rows, 1)
    assert ("update", 8, 100) in history_of(world, 3, "design_id, size")
    assert ("delete", 472, 10) in history_of(world, 3, "design_id, size")
    assert ("insert", 8, "large") in history_of(world, 1, "design_id, size")
    world.change("update design set size = 7 where design_id = 8")
    well_and_equal(world)
    assert history_of(world, 4, "design_id, size") == [("update", 8, 7)]


def test_column_that_may_be_null_is_told(ran: World) -> None:
    """A column that need not be there any more stops nothing; a row without it waits."""
    ran.change(
        "alter table design alter column design_name drop not null",
        "update design set design_name = null where design_id = 8",
        "update design set design_name = 'Still' where design_id = 472",
    )
    ran.run()
    found = pipeline.status(ran.settings)
    note = "column design_name may be NULL at the source, and not in the contract"
    assert found.ingestion.notes == {"design": (note,)}
    assert found.quarantine == {"dim_design": 1}
    assert ran.ask("select design_name from dim_design where design_id = 472") == [("Still",)]


def test_reordered_columns_are_no_news(ran: World) -> None:
    """Columns go by their names: another order is another table, and no new version of any row."""
    ran.change(
        "create table other (last_updated timestamp not null, file_name text not null, design_id "
        "integer primary key, created_at timestamp not null, file_location text not null, "
        "design_name text not null)",
        "insert into other (design_id, design_name, file_name, file_location, created_at, "
        "last_updated) select design_id, design_name, file_name, file_location, created_at, "
        "last_updated from design",
        "drop table design cascade",
        "alter table other rename to design",
    )
    report = well_and_equal(ran)
    assert report.tables["design"].note == "the table was made anew"
    assert report.tables["design"].rows == 0


@pytest.mark.slow
def test_dropped_table_waits_to_come_back(ran: World) -> None:
    """A table that is gone is stopped, and not taken for emptied; back, it is caught up."""
    ran.change("alter table design rename to gone")
    assert stopped(ran) == "design: there is no table public.design at the source"
    ran.change(
        "create table design (like gone including all)",
        "insert into design select * from gone where design_id <> 472",
        "update design set design_name = 'Back' where design_id = 8",
    )
    report = well_and_equal(ran).tables["design"]
    assert (report.inserted, report.updated, report.deleted) == (0, 1, 1)


def test_changed_primary_key_stops_the_table(ran: World, contract: Path) -> None:
    """Rows that are told apart by something else are other things than the contract thinks: the
    table waits; with the key mended every row is archived by it, and deletions are found by it,
    whatever was in the new key's columns before."""
    ran.change("update design set file_name = 'renamed.json' where design_id = 8")
    ran.run()
    ran.change(
        "alter table design drop constraint design_pkey cascade",
        "alter table design add primary key (file_name, design_id)",
        "insert into design values (8, 'Twin', 'twin.json', 'f', '2023-01-01', '2023-01-01')",
        "delete from design where design_id = 472",
    )
    said = "design: its primary key is (design_id, file_name), and should be (design_id)"
    assert stopped(ran) == said
    mend(contract, 'key = ["design_id"]', 'key = ["file_name", "design_id"]')
    report = extract_only(ran)
    assert report.tables["design"].deleted == 1
    ran.change("delete from design where file_name = 'twin.json'")
    assert extract_only(ran).tables["design"].deleted == 1
    keys = [row[1:] for row in history(ran, "design_id, file_name") if row[0] == 5]
    assert keys == [("delete", 8, "twin.json")]


def extract_only(world: World) -> Report:
    """Ingest with a model that has contracts only."""
    folder = world.folder / "contracts-only"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(Path(world.extra["model"]) / "source", folder / "source")
    settings = world.settings.model_copy(update={"model": folder})
    report = pipeline.ingest(settings)
    assert not report.problems
    return report


@pytest.mark.slow
def test_key_beside_another_primary_key_may_be_unique_by_itself(world: World) -> None:
    """Another primary key stops nothing if a unique index keeps the contract's key unique."""
    world.change(
        "alter table design drop constraint design_pkey cascade",
        "create unique index on design (design_id)",
        "alter table design add primary key (file_name, design_id)",
    )
    well_and_equal(world)


def test_key_that_is_there_twice_later_is_found(ran: World) -> None:
    """Without an index, a second row of a key is found even if the count of rows is the same."""
    ran.change("alter table design drop constraint design_pkey cascade")
    ran.run()
    ran.change(
        "insert into design values (8, 'Twin', 'twin.json', 'f', '2023-01-01', '2023-01-01')",
        "delete from design where design_id = 472",
    )
    assert stopped(ran) == "design: the key design_id = 8 is there more than once"


@pytest.mark.slow
def test_value_beyond_the_lake_s_types_waits_in_quarantine(ran: World) -> None:
    """A moment that no lake type can hold is archived as PostgreSQL prints it; its row waits, the
    version before it stands, and a mended one follows."""
    before = ran.ask("select design_name from dim_design where design_id = 8")
    ran.change(
        "update design set design_name = 'Far', created_at = '294276-12-31 23:59:59.999999' "
        "where design_id = 8"
    )
    ingested = ran.run()[0]
    assert not ingested.problems
    raw = '{"created_at":"294276-12-31 23:59:59.999999"}'
    assert history_of(ran, 2, "design_id, created_at, _raw") == [("update", 8, None, raw)]
    assert ran.ask("select design_name from dim_design where design_id = 8") == before
    assert pipeline.status(ran.settings).quarantine == {"dim_design": 1}
    (path,) = ran.folder.glob("processed/quarantine/000000002/*.parquet")
    rows = duckdb.execute(f"select key, reason, row from '{path}'").fetchall()
    assert rows[0][:2] == ('{"design_id":8}', f"beyond what the lake can hold: {raw}")
    assert json.loads(rows[0][2])["created_at"] == "294276-12-31 23:59:59.999999"
    assert json.loads(rows[0][2])["design_name"] == "Far"
    ran.run()
    ran.change("update design set created_at = '2023-01-01' where design_id = 8")
    well_and_equal(ran)
    assert pipeline.status(ran.settings).quarantine == {}


LOST = "delete from payment where payment_id in (select payment_id from payment limit {})"


def test_more_than_half_of_a_table_gone_waits_for_a_person(ran: World) -> None:
    """A table that lost over half of its rows is stopped, the others go on; confirmed, the
    deletions arrive, and the word of a person holds for one run."""
    rows = ran.ask("select count(*) from payment", source=True)[0][0]
    lost = rows // 2 + 1
    ran.change(LOST.format(lost), "update design set design_name = 'New' where design_id = 8")
    ingested, _, loaded = ran.run()
    said = (
        f"payment: {lost} rows of {rows} are gone from the source, more than 50% of them "
        f"(TOTES_DELETION_LIMIT)"
    )
    assert [str(problem) for problem in ingested.problems.values()] == [said]
    assert ingested.problems["payment"].hint == (
        "if that is right, totes run --confirm-deletions payment"
    )
    assert loaded.batches == [2]
    assert ran.ask("select design_name from dim_design where design_id = 8") == [("New",)]
    assert ran.ask("select count(*) from current_payment") == [(rows,)]
    assert ran.run()[0].problems, "and it stays stopped"
    confirmed = pipeline.run(ran.settings, confirmed=["payment"])
    assert not confirmed[0].problems
    assert ran.ask("select count(*) from current_payment") == [(rows - lost,)]
    assert pipeline.status(ran.settings).is_well


def test_rows_that_come_back_need_no_person(ran: World) -> None:
    """A table found empty in the middle of being refilled is as if nothing had been."""
    ran.change("create table kept as select * from payment", "truncate payment")
    assert list(ran.run()[0].problems) == ["payment"]
    ran.change("insert into payment select * from kept")
    assert not ran.run()[0].problems
    assert ran.ask("select distinct change from fact_payment") == [("insert",)]


@pytest.mark.parametrize(("limit", "stops"), [(0.0, True), (0.5, False), (1.0, False)])
def test_limit_of_deletions_is_a_setting(ran: World, limit: float, stops: bool) -> None:
    """Half of the rows are within the default; the setting allows none, or any number."""
    rows = ran.ask("select count(*) from payment", source=True)[0][0]
    ran.change(LOST.format(rows // 2))
    ran.extra["deletion_limit"] = limit
    assert bool(ran.run()[0].problems) is stops


def test_confirmation_of_no_table_is_refused(world: World) -> None:
    """A slip of the pen in a table's name is said, before anything is done."""
    with pytest.raises(ConfigurationError, match="paymint is no source table"):
        pipeline.run(world.settings, confirmed=["paymint"])
    assert world.objects() == {}
