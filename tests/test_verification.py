"""`totes verify`: source, lakes and warehouse are equal in every column, or it says where not."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.forging import change_file, forge
from tests.test_cli import totes
from tests.world import World
from totes import changes, pipeline
from totes.changes import current
from totes.contract import shipped_model
from totes.difference import Difference
from totes.pipeline import Comparison, star_and_warehouse
from totes.pipeline.ingestion import looking

SOURCE, STAR, WAREHOUSE = "source = lake", "lake = star", "star = warehouse"


def verified(world: World) -> dict[tuple[str, str], Comparison]:
    """Every comparison that a verification made, by what and table."""
    found = pipeline.verify(world.settings)
    assert not found.damage
    return {(each.what, each.table): each for each in found.comparisons}


def differing(world: World) -> dict[tuple[str, str], list[Difference]]:
    """Where sides differ, and the keys that do; all others must be known to be equal."""
    found = {pair: each for pair, each in verified(world).items() if not each.equal}
    assert all(each.verdict == "differs" for each in found.values()), found
    return {pair: list(each.differences.shown) for pair, each in found.items()}


def assert_well(world: World) -> None:
    assert differing(world) == {}
    assert pipeline.verify(world.settings).is_well


def other(key: dict[str, str | None], *columns: str) -> Difference:
    return Difference(key, on_left=True, on_right=True, columns=columns)


def everything(world: World) -> tuple[Any, ...]:
    """All that there is: both lakes, and the warehouse."""
    tables = world.ask(
        "select schemaname || '.' || tablename from pg_tables "
        "where schemaname in ('public', 'totes') order by 1"
    )
    rows = {name: sorted(map(str, world.ask(f"table {name}"))) for (name,) in tables}
    return world.objects(), rows


# What is well


def test_pending_changes_are_no_difference(world: World) -> None:
    """Rows that came, changed or went and are not ingested yet are laid over the lake."""
    world.run()
    world.change(
        "delete from payment where payment_id = 8",
        "update address set address_line_2 = null where address_line_2 = ''",
        "insert into design select 500, design_name, '', file_location, now(), now() "
        "from design where design_id = 8",
    )
    before = everything(world)
    found = verified(world)
    assert found[SOURCE, "payment"].explained == "with 1 change not yet ingested"
    assert found[SOURCE, "payment"].left == found[SOURCE, "payment"].right
    assert_well(world)
    assert everything(world) == before, "verify has written something"


def test_pending_changes_are_compared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a capture would archive is compared as well: one that loses a change is found out."""
    world.run()
    world.change("update design set design_name = 'Other' where design_id = 8")

    def losing(layers: Any, *arguments: Any, **keywords: Any) -> str:
        kept = [layer for layer in layers if layer.last == 1]
        return current(kept, *arguments, **keywords)

    monkeypatch.setattr(changes, "current", losing)
    assert differing(world) == {(SOURCE, "design"): [other({"design_id": "8"}, "design_name")]}


def test_stages_that_are_behind_are_well(world: World) -> None:
    """Batches not yet processed, or not yet loaded, are no difference: each side is taken as of
    the batch that the other has reached."""
    world.run()
    world.change("update sales_order set units_sold = 7 where sales_order_id = 14")
    pipeline.ingest(world.settings)
    assert_well(world)
    pipeline.process(world.settings)
    assert_well(world)
    pipeline.load(world.settings)
    assert_well(world)
    pipeline.rebuild(world.settings, as_of=1)
    assert_well(world)


def test_nothing_there_yet_is_well(world: World) -> None:
    """Before the first run there is nothing to compare, and nothing wrong."""
    assert verified(world) == {}
    pipeline.ingest(world.settings)
    assert {what for what, _ in verified(world)} == {SOURCE}


def test_history_is_well(world: World) -> None:
    """Facts deleted and inserted again, versions, members that are gone while facts refer to them,
    rows in quarantine over older versions: all as it should be, and told."""
    world.run()
    world.change(
        "create table kept as select * from sales_order where sales_order_id = 2",
        "delete from sales_order where sales_order_id in (2, 90)",
        "delete from design where design_id = 472",
        "update sales_order set units_sold = 1 where sales_order_id = 14",
        "update counterparty set legal_address_id = 777 where counterparty_id = 5",
    )
    world.run()
    world.change(
        "insert into sales_order select * from kept",
        "update sales_order set agreed_payment_date = '2023-02-30' where sales_order_id = 91",
        "update payment set payment_amount = 0.0000000001 where payment_id = 8",
    )
    world.run()
    found = verified(world)
    assert found[STAR, "dim_design"].explained == "and 1 kept though gone"
    assert found[STAR, "dim_counterparty"].explained == "and 1 in quarantine"
    assert found[STAR, "fact_sales_order"].explained == "and 1 in quarantine"
    quarantine = found[STAR, "quarantine"].left
    assert quarantine is not None
    assert quarantine.rows == 2
    assert_well(world)
    world.change("delete from sales_order where sales_order_id = 91")
    world.run()
    assert_well(world)


def test_every_type_is_well(world: World) -> None:
    """Values at the edges of their types, in facts and dimensions, read the same on both sides."""
    world.change(
        "update payment set payment_amount = -12345678901234567890.0000000009 where payment_id = 8",
        "update payment set payment_amount = 100 where payment_id <> 8",
        "update sales_order set unit_price = 0.10, created_at = '0001-01-01', "
        "last_updated = '9999-12-31 23:59:59.999999' where sales_order_id = 14",
        "update design set design_name = E'a\\r\\n\\t\\\\N,\"x\"' where design_id = 8",
        "update design set file_name = '' where design_id = 8",
    )
    world.run()
    assert_well(world)


def test_quarantine_spells_keys_of_another_type(world: World) -> None:
    """A row whose key the warehouse holds with another type is known again in quarantine."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    source = folder / "source" / "sales_order.toml"
    old = 'sales_order_id = { type = "integer"'
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, 'sales_order_id = { type = "numeric"'))
    star = folder / "star" / "fact_sales_order.toml"
    star.write_text(star.read_text().replace(old, 'sales_order_id = { type = "numeric"'))
    shutil.rmtree(folder / "views")  # which promise an integer
    world.extra["model"] = folder
    world.run()
    world.change("update sales_order set agreed_payment_date = 'x' where sales_order_id = 14")
    world.run()
    assert verified(world)[STAR, "fact_sales_order"].explained == "and 1 in quarantine"
    assert_well(world)


def test_padding_is_no_difference(world: World) -> None:
    """The spaces with which PostgreSQL fills up a `character(n)` are no difference."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    star = folder / "star" / "dim_currency.toml"
    was, now = (f'currency_code = {{ type = "{kind}"' for kind in ("varchar", "character(5)"))
    assert was in star.read_text()
    star.write_text(star.read_text().replace(was, now))
    shutil.rmtree(folder / "views")  # which promise a varchar
    world.extra["model"] = folder
    world.run()
    printed = world.ask("select currency_code from dim_currency where currency_id = 1")
    assert printed == [("GBP  ",)]
    assert_well(world)


def test_runs_at_work_are_no_difference(world: World) -> None:
    """A verification while others write, run and load is as well as one alone."""
    world.run()
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            world.change(
                f"update sales_order set units_sold = {number} where sales_order_id = 14",
                f"update payment set payment_amount = {number} where payment_id = 8",
            )
            world.run()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(4):
            assert pipeline.verify(world.settings).is_well
    finally:
        stop.set()
        worker.join()
    assert world.ask("select max(batch) > 2 from totes.ledger") == [(True,)]


def test_a_batch_committed_meanwhile_is_no_difference(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that another run commits after the snapshot was taken is not compared with it."""
    world.run()

    @contextmanager
    def overtaken(*arguments: Any) -> Iterator[Any]:
        with looking(*arguments) as looked:
            world.change("delete from payment where payment_id = 8")
            world.run()
            yield looked

    monkeypatch.setattr("totes.pipeline.source_and_lake.looking", overtaken)
    found = verified(world)
    assert found[SOURCE, "payment"].right == found[SOURCE, "payment"].left
    assert all(each.equal for each in found.values())


# Source and lake


@pytest.mark.parametrize(
    ("table", "rows", "expected"),
    [
        (
            "address",
            "select * replace (nullif(address_line_2, '') as address_line_2) from file",
            [other({"address_id": "2"}, "address_line_2")],
        ),
        (
            "department",
            "select * replace (department_name as manager, manager as department_name) from file "
            "where department_id = 1 union all from file where department_id <> 1",
            [other({"department_id": "1"}, "department_name", "manager")],
        ),
        (
            "currency",
            "select * replace (case currency_code when 'GBP' then 'EUR' when 'EUR' then 'GBP' "
            "else currency_code end as currency_code) from file",
            [
                other({"currency_id": "1"}, "currency_code"),
                other({"currency_id": "3"}, "currency_code"),
            ],
        ),
        (
            "staff",
            "select * replace (if(staff_id = 7, 8, staff_id) as staff_id) from file",
            [
                Difference({"staff_id": "7"}, on_left=True, on_right=False),
                Difference({"staff_id": "8"}, on_left=False, on_right=True),
            ],
        ),
        (
            "sales_order",
            "select * replace (case unit_price when '2.5' then '2.50' else unit_price end "
            "as unit_price) from file",
            [other({"sales_order_id": "91"}, "unit_price")],
        ),
        (
            "design",
            "select * replace (created_at + interval 1 microsecond as created_at) from file "
            "where design_id = 8 union all from file where design_id <> 8",
            [other({"design_id": "8"}, "created_at")],
        ),
    ],
)
def test_a_value_that_the_lake_has_wrong_is_found(
    world: World, table: str, rows: str, expected: list[Difference]
) -> None:
    """Counts and cursors agree and a value does not: its key and its column are named."""
    pipeline.ingest(world.settings)
    forge(world, change_file(world, table), rows)
    assert pipeline.ingest(world.settings).batches == [], "an ingest would find it by itself"
    assert differing(world) == {(SOURCE, table): expected}


def test_repair_captures_again(world: World) -> None:
    """--repair archives the true value as a change of a new batch; the history is that of what was
    held, and then the truth. All else stays as it was."""
    pipeline.ingest(world.settings)
    path = change_file(world, "sales_order")
    forge(
        world,
        path,
        "select * replace (if(sales_order_id = 14, 7, units_sold) as units_sold) from file",
    )
    world.run()
    before = world.objects()
    assert list(differing(world)) == [(SOURCE, "sales_order")]
    result = totes(world, "verify", "--repair")
    assert result.exit_code == 0, result.output
    assert "totes verify found differences" in result.output
    assert "all is well" in result.output
    after = world.objects()
    assert before.items() <= after.items()
    assert {key.split("/")[1] for key in after.keys() - before.keys()} == {
        "sales_order",
        "fact_sales_order",
        "manifests",
    }
    versions = "select batch, change, units_sold from fact_sales_order where sales_order_id = 14"
    assert world.ask(f"{versions} order by batch") == [(1, "insert", 7), (2, "update", 42972)]
    assert_well(world)


def test_repair_brings_back_lost_rows(world: World) -> None:
    """Rows that the lake lost and still counts are captured again, and those that it has too many
    are deleted; what is pending in another table comes along."""
    world.run()
    more = "select * replace (77 as staff_id) from file where staff_id = 3"
    lost = "from file where staff_id = 7"
    forge(world, change_file(world, "staff"), f"{lost} union all {more}")
    world.change("update payment set paid = not paid where payment_id = 8")
    assert pipeline.verify(world.settings).differing(SOURCE) == ["staff"]
    reports, after = pipeline.repair(world.settings)
    staff, payment = (reports[0].tables[table] for table in ("staff", "payment"))
    assert (staff.inserted, staff.updated, staff.deleted, payment.updated) == (2, 0, 1, 1)
    assert after.is_well


def test_repair_writes_nothing_where_nothing_differs(world: World) -> None:
    """--repair of what is well, or of what differs in the warehouse only, writes nothing."""
    world.run()
    world.change("update payment set paid = not paid where payment_id = 8")
    before = everything(world)
    assert totes(world, "verify", "--repair").exit_code == 0
    assert everything(world) == before
    world.change("update dim_staff set last_name = 'X' where staff_id = 3", warehouse=True)
    before = everything(world)
    result = totes(world, "verify", "--repair")
    assert result.exit_code == 1
    assert "hint: star = warehouse: totes rebuild --yes" in result.output
    assert everything(world) == before


def test_a_stopped_table_is_unknown(world: World) -> None:
    """A table that does not fit its contract is not known to be equal, and does not differ."""
    world.run()
    world.change("alter table design rename column file_name to filename")
    found = verified(world)
    stopped = found.pop((SOURCE, "design"))
    assert (stopped.verdict, stopped.left, stopped.right) == ("unknown", None, None)
    assert "column file_name is missing" in stopped.explained
    assert all(each.equal for each in found.values())
    result = totes(world, "verify", "--repair")
    assert result.exit_code == 1
    assert "UNKNOWN" in result.output
    assert len(world.ask("table totes.ledger")) == 1


# Lake and star


@pytest.mark.parametrize(
    ("table", "rows", "expected"),
    [
        (
            "fact_sales_order",
            "select * replace (units_sold + (sales_order_id = 14)::int as units_sold) from file",
            [other({"sales_order_id": "14"}, "units_sold")],
        ),
        (
            "fact_payment",
            "from file where payment_id <> 8",
            [Difference({"payment_id": "8"}, on_left=True, on_right=False)],
        ),
        (
            "dim_location",
            "select * replace (nullif(address_line_2, '') as address_line_2) from file",
            [other({"location_id": "2"}, "address_line_2")],
        ),
        (
            "dim_design",
            "from file where design_id <> 8",
            [Difference({"design_id": "8"}, on_left=True, on_right=False)],
        ),
        (
            "dim_date",
            "select * replace (if(date_id = '2023-03-01', 8, day_of_week) as day_of_week) "
            "from file",
            [other({"date_id": "2023-03-01"}, "day_of_week")],
        ),
        (
            "quarantine",
            "select * replace ('{}' as key) from file",
            [
                Difference(
                    {"model": "fact_sales_order", "key": '{"sales_order_id":91}'}, True, False
                ),
                Difference({"model": "fact_sales_order", "key": "{}"}, False, True),
            ],
        ),
    ],
)
def test_a_star_that_is_not_what_the_models_give_is_found(
    world: World, table: str, rows: str, expected: list[Difference]
) -> None:
    """The models are run afresh: a row that is lost, added or other than they give is named."""
    world.change("update sales_order set design_id = 99 where sales_order_id = 91")
    pipeline.ingest(world.settings)
    pipeline.process(world.settings)
    forge(world, change_file(world, table), rows)
    found = differing(world)
    assert sorted(found[STAR, table], key=str) == sorted(expected, key=str)
    assert {what for what, _ in found} == {STAR}
    assert any("TOTES_PROCESSED" in hint for hint in pipeline.verify(world.settings).hints)


def test_a_fact_too_many_is_found(world: World) -> None:
    """A row that the star has and the source has not is a difference of a fact, and named."""
    pipeline.ingest(world.settings)
    pipeline.process(world.settings)
    more = "from file union all select * replace (77 as payment_id) from file where payment_id = 8"
    forge(world, change_file(world, "fact_payment"), more)
    gone = Difference({"payment_id": "77"}, on_left=False, on_right=True)
    assert differing(world) == {(STAR, "fact_payment"): [gone]}


def test_a_star_of_another_model_is_unknown(world: World) -> None:
    """A processed lake that was made with another model cannot be compared, and says so."""
    world.run()
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    model = folder / "star" / "dim_design.sql"
    model.write_text(model.read_text() + "\nwhere true")
    world.extra["model"] = folder
    found = verified(world)
    assert {what for (what, _), each in found.items() if each.equal} == {SOURCE}
    assert "was made with another dim_design" in found[STAR, "fact_payment"].explained
    assert "another version of the data model" in found[WAREHOUSE, "dim_design"].explained


# Star and warehouse


@pytest.mark.parametrize(
    ("table", "change", "key", "column"),
    [
        ("fact_payment", "payment_amount = payment_amount + 0.00000000001", "8", "payment_amount"),
        ("fact_payment", "paid = not paid", "8", "paid"),
        ("fact_payment", "created_time = created_time + interval '1 us'", "8", "created_time"),
        ("fact_payment", "created_time = '24:00:00'", "8", "created_time"),
        ("fact_payment", "created_date = created_date + 1", "8", "created_date"),
        ("fact_payment", "currency_id = currency_id % 3 + 1", "8", "currency_id"),
        ("fact_payment", "change = 'update'", "8", "change"),
        ("fact_payment", "batch = 2", "8", "batch"),
        ("fact_payment", "payment_id = 9999", "8", "payment_id"),
        ("fact_sales_order", "unit_price = unit_price + 0.01", "14", "unit_price"),
        ("fact_purchase_order", "item_code = item_code || ' '", "6", "item_code"),
        ("dim_location", "address_line_2 = null", "2", "address_line_2"),
        ("dim_location", "district = ''", "2", "district"),
        ("dim_date", "quarter = 5", "'2023-03-01'", "quarter"),
    ],
)
def test_a_value_changed_in_the_warehouse_is_found(
    world: World, table: str, change: str, key: str, column: str
) -> None:
    """Whatever column somebody changes in the warehouse, of whatever type: row and column are
    named, and a rebuild mends it."""
    world.run()
    star = world.settings.data_model().stars[table]
    where = f"where {star.key[0]} = {key}"
    named = star.record_id or star.key[0]
    ((value,),) = world.ask(f"select {named}::text from {table} {where}")
    world.change(f"update {table} set {change} {where}", warehouse=True)
    assert differing(world) == {(WAREHOUSE, table): [other({named: value}, column)]}
    pipeline.rebuild(world.settings)
    assert_well(world)


def test_an_old_version_is_compared(world: World) -> None:
    """A version that is long past, or a deletion, that somebody changed is found as well."""
    world.run()
    for statement in ("update payment set payment_amount = 1", "delete from payment"):
        world.change(f"{statement} where payment_id = 8")
        world.run()
    assert_well(world)
    versions = "select payment_record_id from fact_payment where payment_id = 8 order by batch"
    ids = [n for (n,) in world.ask(versions)]
    assert len(ids) == 3
    world.change(
        f"update fact_payment set paid = not paid where payment_record_id in ({ids[0]}, {ids[2]})",
        warehouse=True,
    )
    wrong = [other({"payment_record_id": str(n)}, "paid") for n in (ids[0], ids[2])]
    assert differing(world) == {(WAREHOUSE, "fact_payment"): wrong}


def test_a_row_lost_and_another_added_is_found(world: World) -> None:
    """Where as many rows were added to the warehouse as deleted, counts agree and rows do not."""
    world.run()
    world.change(
        "create temp table more as select * from fact_payment where payment_id = 8",
        "delete from fact_payment where payment_id = 8",
        "update more set payment_record_id = 999, payment_id = 888",
        "insert into fact_payment select * from more",
        warehouse=True,
    )
    found = verified(world)[WAREHOUSE, "fact_payment"]
    assert found.left is not None
    assert found.right is not None
    assert found.left.rows == found.right.rows
    lost, added = found.differences.shown
    assert (lost.on_left, lost.on_right) == (True, False)
    assert added == Difference({"payment_record_id": "999"}, on_left=False, on_right=True)


def test_a_row_twice_in_the_warehouse_is_found(world: World) -> None:
    """A row that is there twice, its key dropped, is said to be there too often."""
    world.run()
    world.change(
        "alter table dim_currency drop constraint dim_currency_pkey cascade",
        "insert into dim_currency select * from dim_currency where currency_id = 1",
        warehouse=True,
    )
    result = totes(world, "verify")
    assert result.exit_code == 1
    assert "currency_id 1: is not there as often in the star as in the warehouse" in result.output


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table dim_date alter quarter type bigint", "column quarter is bigint"),
        ("alter table dim_date alter year type numeric", "is numeric"),
        ("alter table dim_design drop column file_name", "file_name"),
    ],
)
def test_a_table_altered_by_hand_is_not_equal(world: World, statement: str, said: str) -> None:
    """A column of another type, or gone, is not taken for equal; other tables are compared."""
    world.run()
    world.change(statement, warehouse=True)
    unknown = [each for each in verified(world).values() if not each.equal]
    assert [each.verdict for each in unknown] == ["unknown"]
    assert said in unknown[0].explained


def test_a_warehouse_that_lacks_a_table_is_unknown(world: World) -> None:
    """Where a table or view is missing the warehouse is not compared, and a rebuild is hinted."""
    world.run()
    world.change("drop table dim_payment_type cascade", warehouse=True)
    found = [each for (what, _), each in verified(world).items() if what == WAREHOUSE]
    assert len(found) == 11
    assert all("lacks a table or view" in each.explained for each in found)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update totes.ledger set manifest = 'x' where batch = 1", "batch 1 of another lake"),
        ("update totes.ledger set manifest = 'x'", "batch 1 of another lake.*and 1 more"),
        ("delete from totes.ledger where batch = 1", "lacks batch 1"),
        (
            "insert into totes.ledger select newer.* from totes.ledger as older cross join lateral "
            "jsonb_populate_record(older, '{\"batch\": 3}') as newer where older.batch = 2",
            "the warehouse holds batch 3: .*003.json is missing",
        ),
    ],
)
def test_the_ledger_is_checked(world: World, statement: str, said: str) -> None:
    """Each of the ledger's batches must be the one of the lake; else it is damage, and named."""
    import re

    world.run()
    world.change("update payment set paid = not paid")
    world.run()
    world.change(statement, warehouse=True)
    found = pipeline.verify(world.settings)
    assert not found.is_well
    (sentence,) = found.damage
    assert re.search(said, sentence)


def test_many_batches_are_read_in_groups(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many groups of batches there are, each version is compared once."""
    monkeypatch.setattr(star_and_warehouse, "GROUP", 2)
    world.run()
    for number in range(4):
        world.change(f"update payment set payment_amount = {number} where payment_id = 8")
        world.run()
    assert_well(world)
    found = verified(world)[WAREHOUSE, "fact_payment"].left
    assert found is not None
    assert found.rows == 10
    world.change("update fact_payment set paid = not paid where batch in (1, 5)", warehouse=True)
    assert verified(world)[WAREHOUSE, "fact_payment"].differences.total == 7


def test_a_rebuild_waits_while_the_warehouse_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild at the same time does not let verify find the tables empty."""
    world.run()
    original = star_and_warehouse._compare
    rebuilds: list[threading.Thread] = []

    def slow(*arguments: Any) -> Any:
        rebuild = threading.Thread(target=lambda: pipeline.rebuild(world.settings))
        rebuild.start()
        rebuilds.append(rebuild)
        rebuild.join(2)
        return original(*arguments)

    monkeypatch.setattr(star_and_warehouse, "_compare", slow)
    assert_well(world)
    for rebuild in rebuilds:
        rebuild.join()


# What is shown


def test_json_has_everything(world: World) -> None:
    """--json has counts, checksums in hex, verdicts, and the keys that differ."""
    world.run()
    world.change(
        "delete from fact_payment where payment_id = 8",
        "update dim_staff set last_name = 'X', first_name = 'Y' where staff_id = 3",
        warehouse=True,
    )
    result = totes(world, "verify", "--json")
    assert result.exit_code == 1
    document = json.loads(result.output)
    found = {(each["what"], each["table"]): each for each in document["comparisons"]}
    payment, staff = found[WAREHOUSE, "fact_payment"], found[WAREHOUSE, "dim_staff"]
    assert (payment["left"]["rows"], payment["right"]["rows"]) == (6, 5)
    assert int(payment["left"]["checksum"], 16) != int(payment["right"]["checksum"], 16)
    assert [key["missing"] for key in payment["keys"]] == ["warehouse"]
    assert staff["verdict"] == "differs"
    assert staff["keys"] == [
        {"key": {"staff_id": "3"}, "missing": None, "columns": ["first_name", "last_name"]}
    ]
    assert found[SOURCE, "staff"]["verdict"] == "equal"
    assert found[SOURCE, "staff"]["left"] == found[SOURCE, "staff"]["right"]
    assert document["hints"] == [
        "star = warehouse: totes rebuild --yes makes the warehouse anew from the processed lake"
    ]
    repaired = json.loads(totes(world, "verify", "--repair", "--json").output)
    assert repaired["repaired"] == []


def test_differing_keys_are_shown(world: World) -> None:
    """On a terminal the first keys that differ are listed with what differs, all are counted."""
    world.run()
    world.change("update fact_payment set paid = not paid", warehouse=True)
    world.change("update dim_staff set last_name = 'X' where staff_id = 3", warehouse=True)
    output = totes(world, "verify").output
    assert "star = warehouse, fact_payment: 6 keys differ" in output
    assert "  payment_record_id 1: paid differs" in output
    assert "  and 1 more" in output
    assert "star = warehouse, dim_staff: 1 key differs" in output
    assert "hint: star = warehouse: totes rebuild --yes" in output
    assert output.count("DIFFERS") == 2


def test_progress_is_told_per_table(world: World) -> None:
    """Verify tells of each table once it has been compared, up to as many as it promised."""
    world.run()
    told: list[tuple[str, int, int]] = []
    pipeline.verify(world.settings, lambda _, what, done, total: told.append((what, done, total)))
    tables = [step for step in told if " = " in step[0]]
    assert [done for _, done, _ in tables] == list(range(1, 34))
    assert {total for _, _, total in tables} == {33}


def test_verify_needs_no_more_than_select(world: World, databases: tuple[str, str]) -> None:
    """A login to the source that may only SELECT is enough, and the source's values print the same
    however its database is configured."""
    world.run()
    with psycopg.connect(world.source, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set datestyle = 'SQL, DMY'")
        connection.execute(f"alter database {name} set timezone = 'Asia/Tokyo'")
    with psycopg.connect(world.warehouse, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set datestyle = 'SQL, DMY'")
    assert_well(world)
