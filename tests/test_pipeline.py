"""The main job, end to end, on a totesys made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.world import World
from totes import pipeline

EXPECTED = {path.stem: path.read_text() for path in Path(__file__).parent.glob("expected/*.sql")}
FACTS = {
    "fact_sales_order": ("sales_order_id", "current_sales_order", "sales_order_history"),
    "fact_purchase_order": (
        "purchase_order_id",
        "current_purchase_order",
        "purchase_order_history",
    ),
    "fact_payment": ("payment_id", "current_payment", "payment_history"),
}
DIAGRAM = """
    sales_record_id sales_order_id created_date created_time last_updated_date last_updated_time
    sales_staff_id counterparty_id units_sold unit_price currency_id design_id agreed_payment_date
    agreed_delivery_date agreed_delivery_location_id batch change
""".split()
ORDER = (
    "select sales_order_id, {} from sales_order_history where sales_order_id = {} order by batch"
)


def current(world: World, table: str) -> list[tuple[Any, ...]]:
    """The rows of today in the warehouse: of a fact, without record id, batch and change."""
    if table in FACTS:
        return sorted(row[1:-2] for row in world.ask(f"select * from {FACTS[table][1]}"))
    return sorted(world.ask(f"select * from {table}"), key=str)


def assert_equals_source(world: World) -> None:
    """Every warehouse table equals what plain SQL over the source gives, cell by cell."""
    for table, query in EXPECTED.items():
        expected = sorted(world.ask(query, source=True), key=str)
        found = sorted(current(world, table), key=str)
        if table == "dim_date":  # deletions refer to the day that saw them, too
            found = [row for row in found if row in expected]
        assert found == expected, table


def versions(world: World) -> dict[str, int]:
    """How many rows each fact table has."""
    return {table: world.ask(f"select count(*) from {table}")[0][0] for table in FACTS}


def test_every_table_equals_plain_sql_over_the_source(ran: World) -> None:
    """After the first run every table equals what SQL over the source gives, cell by cell."""
    assert len(EXPECTED) == 11
    assert_equals_source(ran)
    assert ran.ask("select distinct year from dim_date order by 1") == [(2022,), (2023,), (2024,)]
    assert {change for (change,) in ran.ask("select change from fact_payment")} == {"insert"}


def test_columns_are_the_diagrams(ran: World) -> None:
    """Fact tables have the diagram's columns, in its order and types, then batch and change."""
    found = ran.ask(
        "select column_name, data_type, numeric_precision, numeric_scale, is_nullable "
        "from information_schema.columns where table_name = 'fact_sales_order' "
        "order by ordinal_position"
    )
    assert [name for name, *_ in found] == DIAGRAM
    kinds = {name: kind for name, kind, *_ in found}
    assert kinds["created_time"] == "time without time zone"
    assert kinds["batch"] == "bigint"
    assert ("unit_price", "numeric", 10, 2, "NO") in found
    assert {nullable for *_, nullable in found} == {"NO"}


def test_constraints_are_real(ran: World) -> None:
    """The warehouse itself refuses a fact without its dimension, and a second row of one key."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        ran.change("update fact_sales_order set design_id = 999", warehouse=True)
    with pytest.raises(psycopg.errors.UniqueViolation):
        ran.change("insert into dim_currency values (1, 'XXX', 'x')", warehouse=True)
    keys = ran.ask("select count(*) from pg_constraint where contype = 'f'")
    assert keys == [(24,)]


def test_second_run_writes_nothing(ran: World) -> None:
    """A run that finds no change writes no object and applies nothing."""
    before = ran.objects()
    reports = ran.run()
    assert ran.objects() == before
    assert [report.batches for report in reports] == [[], [], []]


def test_changes_arrive_and_nothing_written_before_changes(ran: World) -> None:
    """Facts gain just the versions that changed, dimensions follow, no object changes a byte."""
    before, facts = ran.objects(), versions(ran)
    ran.change(
        "insert into currency values ('JPY', 7, '2023-05-01', '2023-05-01')",
        """insert into sales_order select '2031-01-01', 100, '2023-05-01', '2023-05-01', 2.75,
           design_id, staff_id, counterparty_id, 1234, 7, '2031-02-01', 2
           from sales_order where sales_order_id = 14""",
    )
    ran.change(
        "update sales_order set units_sold = 2000, last_updated = '2023-05-02' "
        "where sales_order_id = 2",
        "update sales_order set unit_price = 3.10 where sales_order_id = 14",
        "update sales_order set unit_price = unit_price where sales_order_id = 90",
        "update payment set paid = true, last_updated = '2023-05-02 12:00' where payment_id = 8",
        "delete from payment where payment_id = 31",
        "delete from transaction where transaction_id = 31",
        "delete from sales_order where sales_order_id = 91",
    )
    ran.change("update department set department_name = 'Vente', location = null")
    ran.change("update address set city = 'Gdańsk', district = '' where address_id = 2")
    ingested, processed, _ = ran.run()
    assert ingested.tables["sales_order"].updated == 3
    assert "fact_purchase_order" not in processed.tables
    assert versions(ran) == {
        "fact_sales_order": facts["fact_sales_order"] + 4,  # new, corrected twice, deleted
        "fact_purchase_order": facts["fact_purchase_order"],
        "fact_payment": facts["fact_payment"] + 2,
    }
    after = ran.objects()
    assert {name: after[name] for name in before} == before
    ran.change("select 1")
    gone = set(ran.ask("select transaction_id from dim_transaction")) - set(
        ran.ask("select transaction_id from transaction", source=True)
    )
    assert gone == {(31,)}, "a dimension keeps what facts refer to"
    for table in set(EXPECTED) - {"dim_transaction", "dim_date"}:
        expected = sorted(ran.ask(EXPECTED[table], source=True), key=str)
        assert sorted(current(ran, table), key=str) == expected, table
    years = {year for (year,) in ran.ask("select distinct year from dim_date")}
    assert {2022, 2023, 2024, 2031} <= years


def test_history_is_consecutive(ran: World) -> None:
    """Each version holds until the next begins; the last one is current unless it is a deletion."""
    ran.change("update sales_order set units_sold = 7777 where sales_order_id = 14")
    ran.run()
    ran.change(
        "update sales_order set units_sold = 8888, last_updated = now() at time zone 'UTC' "
        "where sales_order_id = 14"
    )
    ran.run()
    ran.change("delete from sales_order where sales_order_id = 14")
    ran.run()
    columns = "units_sold, change, valid_from, valid_to, is_current"
    history = ran.ask(ORDER.format(columns, 14))
    assert [(row[1], row[2], row[5]) for row in history] == [
        (42972, "insert", False),
        (7777, "update", False),
        (8888, "update", False),
        (8888, "delete", False),
    ]
    assert [row[4] for row in history[:-1]] == [row[3] for row in history[1:]]
    assert history[-1][4] is None
    assert all(row[3] < row[4] for row in history[:-1])
    assert ran.ask("select count(*) from current_sales_order where sales_order_id = 14") == [(0,)]
    still = ran.ask("select count(*), count(valid_to) from payment_history where is_current")
    assert still == [(6, 0)]


def test_deletion_repeats_last_values_and_says_when_it_was_seen(ran: World) -> None:
    """A deletion's version has the row's last values, and the batch's time as last_updated."""
    ran.change("delete from sales_order where sales_order_id = 2")
    ran.run()
    found = ran.ask(
        "select last_updated_date + last_updated_time = taken_at, units_sold, unit_price "
        "from fact_sales_order join totes.ledger using (batch) where change = 'delete'"
    )
    assert found == [(True, 1001, 2)]


def test_row_that_comes_back_is_inserted_anew(ran: World) -> None:
    """A key that was deleted and is there again is an insert, and current once more."""
    row = "select * from sales_order where sales_order_id = 90"
    ran.change("create table kept as " + row, "delete from sales_order where sales_order_id = 90")
    ran.run()
    ran.change("insert into sales_order select * from kept")
    ran.run()
    assert ran.ask(ORDER.format("change, is_current", 90)) == [
        (90, "insert", False),
        (90, "delete", False),
        (90, "insert", True),
    ]
    assert_equals_source(ran)


def test_changed_primary_key_is_a_deletion_and_an_insert(ran: World) -> None:
    """A row under a new key is a deletion of the old and an insert of the new."""
    ran.change("update sales_order set sales_order_id = 1000 where sales_order_id = 90")
    ran.run()
    changed = ran.ask(
        "select sales_order_id, change from fact_sales_order where batch = 2 order by 1"
    )
    assert changed == [(90, "delete"), (1000, "insert")]


@pytest.mark.slow
def test_rebuild_gives_an_equal_warehouse(ran: World) -> None:
    """A rebuild from the lake gives the same rows, record ids included; a later load goes on."""
    for number in range(2):
        ran.change(f"update sales_order set units_sold = {5000 + number}, unit_price = 3.5")
        ran.change(f"update staff set first_name = 'N{number}'")
        ran.run()
    tables = [*EXPECTED, *(view for _, *views in FACTS.values() for view in views)]

    def contents() -> dict[str, list[tuple[Any, ...]]]:
        return {table: sorted(ran.ask(f"select * from {table}"), key=str) for table in tables}

    before = contents()
    pipeline.rebuild(ran.settings)
    assert contents() == before
    ran.change("drop table if exists nothing")
    pipeline.rebuild(ran.settings, as_of=2)
    assert ran.ask("select max(batch) from totes.ledger") == [(2,)]
    assert ran.ask("select distinct units_sold from current_sales_order") == [(5000,)]
    pipeline.load(ran.settings)
    assert contents() == before


def test_loading_again_changes_nothing(ran: World) -> None:
    """Processing and loading what has been processed and loaded already is a no-op."""
    before = ran.ask("select * from totes.ledger"), ran.objects()
    assert pipeline.process(ran.settings).batches == []
    assert pipeline.load(ran.settings).batches == []
    assert (ran.ask("select * from totes.ledger"), ran.objects()) == before


def test_stages_run_alone_catch_up(ran: World) -> None:
    """Several batches that were only ingested are processed and loaded in order by a later run."""
    for number in range(3):
        ran.change(f"update sales_order set units_sold = {6000 + number}")
        pipeline.ingest(ran.settings)
    assert pipeline.process(ran.settings).batches == [2, 3, 4]
    assert pipeline.load(ran.settings).batches == [2, 3, 4]
    assert versions(ran)["fact_sales_order"] == 16
    assert_equals_source(ran)


@pytest.mark.slow
def test_many_batches_keep_few_files_to_read(small: World) -> None:
    """However many batches there are, a table's current rows are read from a few files."""
    said = [f"time {number}" for number in range(9)]
    for each in said:
        small.change(f"update things set said = '{each}' where id = 1")
        pipeline.ingest(small.settings)
    pipeline.process(small.settings)
    pipeline.load(small.settings)
    history = small.ask("select said from facts where id = 1 order by batch")
    assert history == [(each,) for each in ("one", *said)]
    lakes = {name.partition("/")[0] for name in small.objects() if "/checkpoints/" in name}
    assert lakes == {"ingestion", "processed"}
    rows = "select id, said from {} order by id"
    assert small.ask(rows.format("members")) == small.ask(rows.format("things"), source=True)
