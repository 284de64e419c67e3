"""Loading: in order, exactly once, and the same however often and by however many it is tried."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tests.world import HANDMADE, World
from totes import duck, lake, pipeline, warehouse
from totes.contract import shipped_model
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError, DamageError, ModelError, TransientError
from totes.pipeline import loading


def handed_over(world: World, work: duck.Workspace, number: int) -> warehouse.Batch:
    processed = lake.Lake(world.settings.lake("processed"), "processed", work.folder)
    return loading.handed_over(processed, processed.manifest(number), work, refused=True)


def batches(world: World, count: int) -> None:
    """Ingest and process some batches, and load none."""
    for number in range(count):
        world.change(f"update sales_order set units_sold = {5000 + number}")
        pipeline.ingest(world.settings)
    pipeline.process(world.settings)


def test_batch_is_applied_once_and_in_its_turn(world: World) -> None:
    """Applying a batch again changes nothing; one out of its turn is refused."""
    batches(world, 3)
    model, told = world.settings.data_model(), list[str]()
    with (
        duck.workspace() as work,
        warehouse.open_warehouse(world.warehouse) as connection,
    ):
        one, two, three = (handed_over(world, work, number) for number in (1, 2, 3))
        with pytest.raises(DamageError, match=r"batch 2 .* does not follow"):
            warehouse.apply(connection, model, work.engine, two, told.append)
        assert warehouse.apply(connection, model, work.engine, one, told.append)
        assert not warehouse.apply(connection, model, work.engine, one, told.append)
        with pytest.raises(DamageError, match=r"batch 3 .* does not follow"):
            warehouse.apply(connection, model, work.engine, three, told.append)
        assert warehouse.apply(connection, model, work.engine, two, told.append)
        assert not warehouse.apply(connection, model, work.engine, one, told.append)
    assert world.ask("select batch, count(*) from fact_sales_order group by 1 order by 1") == [
        (1, 4),
        (2, 4),
    ]
    assert world.ask("select batch from totes.ledger order by 1") == [(1,), (2,)]


def test_loads_at_once_apply_each_batch_once(world: World) -> None:
    """Several loads of the same lake at the same time: each batch is in the warehouse once."""
    batches(world, 4)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: pipeline.load(world.settings), range(4)))
    assert sorted(number for report in reports for number in report.batches) == [1, 2, 3, 4]
    assert {report.at for report in reports} == {4}
    assert world.ask("select count(*) from fact_sales_order") == [(16,)]


def test_runs_at_once_give_one_batch_each_number(world: World) -> None:
    """Several runs at the same time: one batch per number, and the right end."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: world.run(), range(4)))
    world.run()
    assert world.ask("select count(*), max(batch) from fact_sales_order") == [(4, 1)]
    assert sorted(p.name for p in world.folder.glob("ingestion/manifests/*/*/*")) == ["001.json"]


def test_failed_load_leaves_nothing(world: World) -> None:
    """A load that fails inside a batch leaves the warehouse as it was; the next takes it up."""
    batches(world, 1)
    pipeline.load(world.settings)
    world.change("alter table fact_sales_order add check (units_sold < 6000)", warehouse=True)
    world.change(
        "update staff set first_name = 'Ann'",
        "update sales_order set units_sold = 7000 where sales_order_id = 14",
    )
    with pytest.raises(Exception, match="violates check constraint"):
        world.run()
    assert world.ask("select max(batch) from totes.ledger") == [(1,)]
    assert world.ask("select count(*) from dim_staff where first_name = 'Ann'") == [(0,)]
    world.change(
        "alter table fact_sales_order drop constraint fact_sales_order_units_sold_check",
        warehouse=True,
    )
    world.run()
    assert world.ask("select count(*) from current_sales_order where units_sold = 7000") == [(1,)]


def test_numbers_keep_their_value_and_look_like_money(world: World) -> None:
    """A `numeric` is exact to ten decimals, and shows at least two and no padding."""
    for payment_id, amount in ((20, "0.1234567891"), (4, "12.5"), (5, "7"), (7, "-3.10")):
        world.change(
            f"update payment set payment_amount = {amount} where payment_id = {payment_id}"
        )
    world.run()
    amounts = world.ask("select payment_id, payment_amount::text from fact_payment order by 1")
    assert amounts[:4] == [(4, "12.50"), (5, "7.00"), (7, "-3.10"), (8, "56925.44")]
    assert (20, "0.1234567891") in amounts


def test_largest_number_is_loaded(world: World) -> None:
    """A number of as many digits as the contract allows is loaded as it is."""
    largest = "9999999999999999999999999999.9999999999"
    world.change(f"update payment set payment_amount = {largest} where payment_id = 8")
    world.run()
    amount = world.ask("select payment_amount::text from fact_payment where payment_id = 8")
    assert amount == [(largest,)]


def test_text_keeps_its_letters_in_another_encoding(world: World, server: PostgresServer) -> None:
    """A LATIN1 database at the source changes no letter."""
    name = "latin_source"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "create database {} template template0 encoding latin1 "
                "locale_provider libc locale 'C'"
            ).format(sql.Identifier(name))
        )
    world.source = server.dsn(name)
    text = HANDMADE.read_text()
    with psycopg.connect(world.source) as connection:
        connection.execute("".join(c if ord(c) < 256 else "?" for c in text))
    world.run()
    assert world.ask("select first_name, last_name from dim_staff where staff_id = 11") == [
        ("Jérémie", "Müller")
    ]


CONSTRAINTS = """
    select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace and convalidated order by 1, 2
"""


def test_constraints_are_real_however_the_tables_were_filled(world: World) -> None:
    """A first load, a rebuild in place and one from scratch end with the same constraints: among
    them a foreign key for each reference of the contracts, which refuses a row that dangles."""
    world.run()
    first = world.ask(CONSTRAINTS)
    stars = world.settings.data_model().stars.values()
    wanted = [
        (star.name, f"FOREIGN KEY ({name}) REFERENCES {column.references}")
        for star in stars
        for name, column in star.columns.items()
        if column.references
    ]
    found = [(table, said.rpartition("(")[0]) for table, _, said in first if "FOREIGN" in said]
    assert sorted(found) == sorted(wanted)
    pipeline.rebuild(world.settings)
    assert world.ask(CONSTRAINTS) == first
    world.change("drop view current_sales_order cascade", warehouse=True)
    pipeline.rebuild(world.settings)
    assert world.ask(CONSTRAINTS) == first
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        world.change("update fact_sales_order set currency_id = 4711", warehouse=True)


def test_rebuild_makes_good_what_was_dropped(world: World) -> None:
    """A warehouse in which somebody dropped a table and a view is whole again after a rebuild."""
    world.run()
    world.change("drop view payment_history, current_payment cascade", warehouse=True)
    world.change("drop table fact_payment", warehouse=True)
    pipeline.rebuild(world.settings)
    assert world.ask("select count(*) from payment_history") == [(6,)]


def test_rebuild_leaves_alone_what_others_built(world: World) -> None:
    """What others built on the tables is not dropped: a rebuild that would have to says so."""
    world.run()
    world.change("create view theirs as select * from dim_staff", warehouse=True)
    world.change("drop view current_payment cascade", warehouse=True)
    with pytest.raises(ConfigurationError, match="theirs"):
        pipeline.rebuild(world.settings)
    assert world.ask("select count(*) from theirs") == [(3,)]


def test_rebuild_never_touches_the_source(world: World) -> None:
    """A rebuild into the source's own database is refused, and makes nothing there."""
    world.run()
    world.warehouse = world.source
    with pytest.raises(ConfigurationError, match="source's own database"):
        pipeline.rebuild(world.settings)
    assert world.ask("select to_regclass('dim_staff')", source=True) == [(None,)]


def test_load_does_not_wait_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that somebody keeps locked ends a load with an error to try again on."""
    world.run()
    world.change("update staff set first_name = 'Ann'")
    monkeypatch.setattr("totes.warehouse.load.PATIENCE", "200ms")
    with psycopg.connect(world.warehouse) as other:
        other.execute("lock table dim_staff in access exclusive mode")
        with pytest.raises(TransientError, match="lock timeout"):
            world.run()
    world.run()
    assert world.ask("select distinct first_name from dim_staff") == [("Ann",)]


def test_tables_and_columns_say_what_they_mean(world: World) -> None:
    """psql's \\d+ tells the grain of a table and the meaning and unit of a column."""
    world.run()
    assert world.ask("select obj_description('fact_sales_order'::regclass)") == [
        ("one row per version of a sales order",)
    ]
    assert world.ask("select col_description('fact_sales_order'::regclass, 9)") == [
        ("how many bags (bags)",)
    ]


def test_another_data_model_needs_a_rebuild(world: World) -> None:
    """A warehouse made of another version of the data model is refused until it is rebuilt."""
    world.run()
    world.change("update totes.state set model = 'of other tables'", warehouse=True)
    world.change("update staff set first_name = 'Ann'")
    with pytest.raises(ConfigurationError, match="another version of the data model"):
        world.run()
    assert "another version of the data model" in str(pipeline.status(world.settings).warehouse)
    pipeline.rebuild(world.settings)
    assert world.ask("select distinct first_name from dim_staff") == [("Ann",)]


@pytest.mark.parametrize("wrong", ["select 1 from nowhere", "select design from dim_design", "so"])
def test_a_view_that_is_wrong_is_named(world: World, wrong: str) -> None:
    """A view that PostgreSQL does not take is an error of the model, named by its file, at once."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    (folder / "views" / "designs.sql").write_text(wrong)
    world.extra["model"] = folder
    with pytest.raises(ModelError, match=r"^designs\.sql: (?!.*tried)") as caught:
        world.run()
    assert "views/designs.sql" in str(caught.value.hint)


def test_a_model_without_a_star_archives_and_no_more(world: World) -> None:
    """Without a star table changes are archived; a processed lake waits until there is one."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    shutil.move(folder / "star", folder / "later")
    world.extra["model"] = folder
    with pytest.raises(ConfigurationError, match="has no star table"):
        world.run()
    assert pipeline.status(world.settings).ingestion.batch == 1
    shutil.move(folder / "later", folder / "star")
    world.run()
    assert pipeline.verify(world.settings).is_well


def test_a_star_table_that_is_new_needs_another_processed_lake(world: World) -> None:
    """A processed lake made before the data model had a table is refused, and the table named."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    world.run()
    for ending in (".toml", ".sql"):
        shutil.copy(folder / f"star/dim_design{ending}", folder / f"star/dim_pattern{ending}")
    with pytest.raises(ConfigurationError, match="before the data model had dim_pattern"):
        world.run()


def test_another_star_contract_needs_another_processed_lake(world: World) -> None:
    """A processed lake made of other star contracts is refused, and the hint says what to do."""
    world.run()
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    model = folder / "star" / "dim_design.sql"
    model.write_text(
        model.read_text().replace("design_name,", "upper(design_name) as design_name,")
    )
    world.extra["model"] = folder
    with pytest.raises(ConfigurationError, match="another dim_design") as caught:
        world.run()
    assert "empty TOTES_PROCESSED" in str(caught.value.hint)
    world.extra["processed"] = f"file://{world.folder}/processed-2"
    pipeline.process(world.settings)
    pipeline.rebuild(world.settings)
    assert world.ask("select design_name from dim_design where design_id = 472") == [("WOODEN",)]


def test_the_warehouse_knows_what_is_amiss(world: World) -> None:
    """Which table was stopped, from which batch to which and why, and why rows are in quarantine,
    is in the warehouse as of its newest batch; a rebuild finds the same."""
    known = (
        "select source, first_batch, last_batch, message, hint from totes.stopped order by 1, 2",
        "select model, rows, reasons from totes.quarantine order by 1",
        "select batch, quarantined, whole, taken_at < archived_at, archived_at < processed_at "
        "from totes.ledger order by 1",
    )
    world.run()
    assert [world.ask(query) for query in known] == [[], [], [(1, 0, True, True, True)]]

    world.change(
        "update payment set payment_date = '2024-02-30' where payment_id = 31",
        "alter table design rename column file_name to file",
    )
    lacking = world.run()[0].problems["design"]
    world.change("update sales_order set units_sold = 1")
    world.run()
    world.change(
        "alter table design rename column file to file_name",
        "alter table design rename column design_name to name",
    )
    other = world.run()[0].problems["design"]
    assert str(lacking) != str(other)
    assert world.ask(known[0]) == [("design", 2, 4, str(other), other.hint)]
    (refused,) = world.ask(known[1])
    assert refused[:2] == ("fact_payment", 1)
    assert ["2024-02-30" in reason for reason in refused[2]] == [True]

    world.change(
        "update payment set payment_date = '2024-02-29' where payment_id = 31",
        "alter table design rename column name to design_name",
    )
    world.run()
    world.change("alter table design rename column file_name to file")
    world.run()
    now = [world.ask(query) for query in known]
    assert now[:2] == [
        [
            ("design", 2, 4, str(other), other.hint),
            ("design", 6, 6, str(lacking), lacking.hint),
        ],
        [],
    ]
    assert [batch[1:3] for batch in now[2]] == [
        (0, True),
        (1, False),
        (1, False),
        (1, False),
        (0, True),
        (0, False),
    ]
    pipeline.rebuild(world.settings, as_of=4)
    assert world.ask(known[1]) == [refused]
    pipeline.rebuild(world.settings)
    assert [world.ask(query) for query in known] == now


def test_reasons_are_not_told_twice(world: World) -> None:
    """Of many rows that wait for one reason the warehouse has the reason once, beside others."""
    world.run()
    world.change(
        "update payment set payment_date = '2024-02-30' where payment_id <> 31",
        "update payment set payment_date = 'x', created_at = now() where payment_id = 31",
    )
    world.run()
    ((rows, reasons),) = world.ask("select rows, reasons from totes.quarantine")
    assert rows > len(reasons) == 2


@pytest.mark.parametrize("table", ["stopped", "quarantine"])
def test_a_rebuild_brings_back_what_somebody_dropped(world: World, table: str) -> None:
    """A warehouse that lacks a table of Totes' own is told of, and made anew by a rebuild."""
    world.run()
    world.change(f"drop table totes.{table}", warehouse=True)
    assert not pipeline.verify(world.settings).is_well
    pipeline.rebuild(world.settings)
    assert pipeline.verify(world.settings).is_well


def test_a_warehouse_of_an_older_version_is_made_anew(world: World) -> None:
    """A warehouse whose own tables are another version's is rebuilt, whichever of them it has."""
    world.run()
    world.change(
        "drop table totes.stopped, totes.quarantine",
        "update totes.state set model = 'older'",
        warehouse=True,
    )
    world.change("update sales_order set units_sold = 1")
    with pytest.raises(ConfigurationError, match="another version of the data model"):
        world.run()
    pipeline.rebuild(world.settings)
    assert world.ask("select count(*) from totes.stopped") == [(0,)]
