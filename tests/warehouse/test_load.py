"""Loading: in order, exactly once, and the same however often and by however many it is tried."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest

from tests.own_model import add_things, insert, own_world
from tests.world import World
from totes import duck, lake, pipeline, warehouse
from totes.contract import shipped_model
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError, DamageError, ModelError, TransientError
from totes.pipeline import loading
from totes.pipeline.batches import commit


def handed_over(world: World, work: duck.Workspace, number: int) -> warehouse.Batch:
    processed = lake.Lake(world.settings.lake("processed"), "processed", work.folder)
    return loading.handed_over(processed, processed.manifest(number), work, refused=True)


@pytest.fixture
def processed(own: World) -> World:
    """A world whose warehouse is empty, and whose processed lake holds four batches."""
    add_things(own)
    insert(own, "things", {"id": 1, "said": "one"}, {"id": 2, "said": "two"})
    for number in range(4):
        own.change(f"update things set said = 'v{number}'")
        pipeline.ingest(own.settings)
    pipeline.process(own.settings)
    return own


def test_batch_is_applied_once_and_in_its_turn(processed: World) -> None:
    """Applying a batch again changes nothing; one out of its turn is refused."""
    model, told = processed.settings.data_model(), list[str]()
    with (
        duck.workspace() as work,
        warehouse.open_warehouse(processed.warehouse) as connection,
    ):
        one, two, three = (handed_over(processed, work, number) for number in (1, 2, 3))
        with pytest.raises(DamageError, match=r"batch 2 .* does not follow"):
            warehouse.apply(connection, model, work.engine, two, told.append)
        assert warehouse.apply(connection, model, work.engine, one, told.append)
        assert not warehouse.apply(connection, model, work.engine, one, told.append)
        with pytest.raises(DamageError, match=r"batch 3 .* does not follow"):
            warehouse.apply(connection, model, work.engine, three, told.append)
        assert warehouse.apply(connection, model, work.engine, two, told.append)
        assert not warehouse.apply(connection, model, work.engine, one, told.append)
    assert processed.ask("select batch, count(*) from facts group by 1 order by 1") == [
        (1, 2),
        (2, 2),
    ]
    assert processed.ask("select batch from totes.ledger order by 1") == [(1,), (2,)]


def test_loads_at_once_apply_each_batch_once(processed: World) -> None:
    """Several loads of the same lake at the same time: each batch is in the warehouse once."""
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: pipeline.load(processed.settings), range(4)))
    assert sorted(number for report in reports for number in report.batches) == [1, 2, 3, 4]
    assert {report.at for report in reports} == {4}
    assert processed.ask("select count(*) from facts") == [(8,)]


def test_runs_at_once_give_one_batch_each_number(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several runs at the same time: one batch per number, and the right end."""
    add_things(own)
    insert(own, "things", {"id": 1, "said": "one"}, {"id": 2, "said": "two"})
    all_captured = Barrier(4, timeout=60)

    def together(*arguments: Any) -> bool:
        all_captured.wait()
        return commit(*arguments)

    monkeypatch.setattr("totes.pipeline.ingestion.commit", together)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: own.run(), range(4)))
    for reports in zip(*runs, strict=True):  # of each stage
        assert [number for report in reports for number in report.batches] == [1]
    own.run()
    assert own.ask("select count(*), max(batch) from facts") == [(2, 1)]
    assert sorted(p.name for p in own.folder.glob("ingestion/manifests/*/*/*")) == ["001.json"]


def test_failed_load_leaves_nothing(ran: World) -> None:
    """A load that fails inside a batch leaves the warehouse as it was; the next takes it up."""
    ran.change("alter table fact_sales_order add check (units_sold <> 7000)", warehouse=True)
    ran.change(
        "update staff set first_name = 'Ann'",
        "update sales_order set units_sold = 7000 where sales_order_id = 14",
    )
    with pytest.raises(Exception, match="violates check constraint"):
        ran.run()
    assert ran.ask("select max(batch) from totes.ledger") == [(1,)]
    assert ran.ask("select count(*) from dim_staff where first_name = 'Ann'") == [(0,)]
    ran.change(
        "alter table fact_sales_order drop constraint fact_sales_order_units_sold_check",
        warehouse=True,
    )
    ran.run()
    assert ran.ask("select count(*) from current_sales_order where units_sold = 7000") == [(1,)]


def test_numbers_keep_their_value_and_look_like_money(ran: World) -> None:
    """A `numeric` is exact to ten decimals, also with as many digits as the contract allows, and
    shows at least two and no padding."""
    largest = "9999999999999999999999999999.9999999999"
    given = {20: "0.1234567891", 4: "12.5", 5: "7", 7: "-3.10", 31: largest}
    for payment_id, amount in given.items():
        ran.change(f"update payment set payment_amount = {amount} where payment_id = {payment_id}")
    ran.run()
    shown = "select payment_id, payment_amount::text from current_payment order by 1"
    assert dict(ran.ask(shown)) == {
        **given,
        4: "12.50",
        5: "7.00",
        8: "56925.44",
    }


def test_text_keeps_its_letters_in_another_encoding(server: PostgresServer, tmp_path: Path) -> None:
    """A LATIN1 database at the source changes no letter."""
    latin = "encoding latin1 locale_provider libc locale 'C'"
    with own_world(server, tmp_path, options=latin) as own:
        add_things(own)
        insert(own, "things", {"id": 11, "said": "Müller"}, {"id": 12, "said": "Jérémie"})
        own.run()
        assert own.ask("select said from members order by id") == [("Müller",), ("Jérémie",)]


CONSTRAINTS = """
    select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace and convalidated order by 1, 2
"""


def test_constraints_are_real_however_the_tables_were_filled(ran: World) -> None:
    """A first load, a rebuild in place and one from scratch end with the same constraints: among
    them a foreign key for each reference of the contracts, which refuses a row that dangles."""
    first = ran.ask(CONSTRAINTS)
    stars = ran.settings.data_model().stars.values()
    wanted = [
        (star.name, f"FOREIGN KEY ({name}) REFERENCES {column.references}")
        for star in stars
        for name, column in star.columns.items()
        if column.references
    ]
    found = [(table, said.rpartition("(")[0]) for table, _, said in first if "FOREIGN" in said]
    assert sorted(found) == sorted(wanted)
    pipeline.rebuild(ran.settings)
    assert ran.ask(CONSTRAINTS) == first
    ran.change("drop view current_sales_order cascade", warehouse=True)
    pipeline.rebuild(ran.settings)
    assert ran.ask(CONSTRAINTS) == first
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        ran.change("update fact_sales_order set currency_id = 4711", warehouse=True)


def test_rebuild_makes_good_what_was_dropped(ran: World) -> None:
    """A warehouse in which somebody dropped a table and a view is whole again after a rebuild."""
    ran.change("drop view payment_history, current_payment cascade", warehouse=True)
    ran.change("drop table fact_payment", warehouse=True)
    pipeline.rebuild(ran.settings)
    assert ran.ask("select count(*) from payment_history") == [(6,)]


def test_rebuild_leaves_alone_what_others_built(ran: World) -> None:
    """What others built on the tables is not dropped: a rebuild that would have to says so."""
    ran.change("create view theirs as select * from dim_staff", warehouse=True)
    ran.change("drop view current_payment cascade", warehouse=True)
    with pytest.raises(ConfigurationError, match="theirs"):
        pipeline.rebuild(ran.settings)
    assert ran.ask("select count(*) from theirs") == [(3,)]


def test_rebuild_never_touches_the_source(ran: World) -> None:
    """A rebuild into the source's own database is refused, and makes nothing there."""
    ran.warehouse = ran.source
    with pytest.raises(ConfigurationError, match="source's own database"):
        pipeline.rebuild(ran.settings)
    assert ran.ask("select to_regclass('dim_staff')", source=True) == [(None,)]


def test_load_does_not_wait_for_ever(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that somebody keeps locked ends a load with an error to try again on."""
    ran.change("update staff set first_name = 'Ann'")
    with psycopg.connect(ran.warehouse) as other, monkeypatch.context() as hurried:
        hurried.setattr("totes.warehouse.load.PATIENCE", "50ms")
        other.execute("lock table dim_staff in access exclusive mode")
        with pytest.raises(TransientError, match="lock timeout"):
            ran.run()
    ran.run()
    assert ran.ask("select distinct first_name from dim_staff") == [("Ann",)]


def test_tables_and_columns_say_what_they_mean(ran: World) -> None:
    """psql's \\d+ tells the grain of a table and the meaning and unit of a column."""
    assert ran.ask("select obj_description('fact_sales_order'::regclass)") == [
        ("one row per version of a sales order",)
    ]
    assert ran.ask("select col_description('fact_sales_order'::regclass, 9)") == [
        ("how many bags (bags)",)
    ]


def test_another_data_model_needs_a_rebuild(ran: World) -> None:
    """A warehouse made of another version of the data model is refused until it is rebuilt."""
    ran.change("update totes.state set model = 'of other tables'", warehouse=True)
    ran.change("update staff set first_name = 'Ann'")
    with pytest.raises(ConfigurationError, match="another version of the data model"):
        ran.run()
    assert "another version of the data model" in str(pipeline.status(ran.settings).warehouse)
    pipeline.rebuild(ran.settings)
    assert ran.ask("select distinct first_name from dim_staff") == [("Ann",)]


@pytest.mark.parametrize("wrong", ["select 1 from nowhere", "select design from members", "so"])
def test_a_view_that_is_wrong_is_named(small: World, wrong: str) -> None:
    """A view that PostgreSQL does not take is an error of the model, named by its file, at once."""
    views = small.folder / "model/views"
    views.mkdir()
    (views / "designs.sql").write_text(wrong)
    small.change("update things set said = 'new'")
    with pytest.raises(ModelError, match=r"^designs\.sql: (?!.*tried)") as caught:
        small.run()
    assert "views/designs.sql" in str(caught.value.hint)


def test_a_model_without_a_star_archives_and_no_more(own: World) -> None:
    """Without a star table changes are archived; a processed lake waits until there is one."""
    add_things(own)
    insert(own, "things", {"id": 1, "said": "one"})
    star, later = own.folder / "model/star", own.folder / "model/later"
    star.rename(later)
    with pytest.raises(ConfigurationError, match="has no star table"):
        own.run()
    assert pipeline.status(own.settings).ingestion.batch == 1
    later.rename(star)
    own.run()
    assert pipeline.verify(own.settings).is_well


def test_a_star_table_that_is_new_needs_another_processed_lake(ran: World) -> None:
    """A processed lake made before the data model had a table is refused, and the table named."""
    folder = ran.folder / "model"
    shutil.copytree(shipped_model(), folder)
    ran.extra["model"] = folder
    for ending in (".toml", ".sql"):
        shutil.copy(folder / f"star/dim_design{ending}", folder / f"star/dim_pattern{ending}")
    with pytest.raises(ConfigurationError, match="before the data model had dim_pattern"):
        ran.run()


def test_another_star_contract_needs_another_processed_lake(ran: World) -> None:
    """A processed lake made of other star contracts is refused, and the hint says what to do."""
    folder = ran.folder / "model"
    shutil.copytree(shipped_model(), folder)
    model = folder / "star" / "dim_design.sql"
    model.write_text(
        model.read_text().replace("design_name,", "upper(design_name) as design_name,")
    )
    ran.extra["model"] = folder
    with pytest.raises(ConfigurationError, match="another dim_design") as caught:
        ran.run()
    assert "empty TOTES_PROCESSED" in str(caught.value.hint)
    ran.extra["processed"] = f"file://{ran.folder}/processed-2"
    pipeline.process(ran.settings)
    pipeline.rebuild(ran.settings)
    assert ran.ask("select design_name from dim_design where design_id = 472") == [("WOODEN",)]


@pytest.mark.slow
def test_the_warehouse_knows_what_is_amiss(ran: World) -> None:
    """Which table was stopped, from which batch to which and why, and why rows are in quarantine,
    is in the warehouse as of its newest batch; a rebuild finds the same."""
    known = (
        "select source, first_batch, last_batch, message, hint from totes.stopped order by 1, 2",
        "select model, rows, reasons from totes.quarantine order by 1",
        "select batch, quarantined, whole, taken_at < archived_at, archived_at < processed_at "
        "from totes.ledger order by 1",
    )
    assert [ran.ask(query) for query in known] == [[], [], [(1, 0, True, True, True)]]

    ran.change(
        "update payment set payment_date = '2024-02-30' where payment_id = 31",
        "alter table design rename column file_name to file",
    )
    lacking = ran.run()[0].problems["design"]
    ran.change("update sales_order set units_sold = 1")
    ran.run()
    ran.change(
        "alter table design rename column file to file_name",
        "alter table design rename column design_name to name",
    )
    other = ran.run()[0].problems["design"]
    assert str(lacking) != str(other)
    assert ran.ask(known[0]) == [("design", 2, 4, str(other), other.hint)]
    (refused,) = ran.ask(known[1])
    assert refused[:2] == ("fact_payment", 1)
    assert ["2024-02-30" in reason for reason in refused[2]] == [True]

    ran.change(
        "update payment set payment_date = '2024-02-29' where payment_id = 31",
        "alter table design rename column name to design_name",
    )
    ran.run()
    ran.change("alter table design rename column file_name to file")
    ran.run()
    now = [ran.ask(query) for query in known]
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
    pipeline.rebuild(ran.settings, as_of=4)
    assert ran.ask(known[1]) == [refused]
    pipeline.rebuild(ran.settings)
    assert [ran.ask(query) for query in known] == now


def test_reasons_are_not_told_twice(ran: World) -> None:
    """Of many rows that wait for one reason the warehouse has the reason once, beside others."""
    ran.change(
        "update payment set payment_date = '2024-02-30' where payment_id <> 31",
        "update payment set payment_date = 'x', created_at = now() where payment_id = 31",
    )
    ran.run()
    ((rows, reasons),) = ran.ask("select rows, reasons from totes.quarantine")
    assert rows > len(reasons) == 2


@pytest.mark.parametrize("table", ["stopped", "quarantine"])
def test_a_rebuild_brings_back_what_somebody_dropped(small: World, table: str) -> None:
    """A warehouse that lacks a table of Totes' own is told of, and made anew by a rebuild."""
    small.change(f"drop table totes.{table}", warehouse=True)
    assert not pipeline.verify(small.settings).is_well
    pipeline.rebuild(small.settings)
    assert pipeline.verify(small.settings).is_well


def test_a_warehouse_of_an_older_version_is_made_anew(ran: World) -> None:
    """A warehouse whose own tables are another version's is rebuilt, whichever of them it has."""
    ran.change(
        "drop table totes.stopped, totes.quarantine",
        "update totes.state set model = 'older'",
        warehouse=True,
    )
    ran.change("update sales_order set units_sold = 1")
    with pytest.raises(ConfigurationError, match="another version of the data model"):
        ran.run()
    pipeline.rebuild(ran.settings)
    assert ran.ask("select count(*) from totes.stopped") == [(0,)]
