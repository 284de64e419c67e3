"""`totes verify`: source, lakes and warehouse are equal in every column, or it says where not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.forging import change_file, forge
from tests.own_model import add_things, insert
from tests.test_cli import totes
from tests.world import World
from totes import changes, pipeline
from totes.changes import current
from totes.contract import shipped_model
from totes.difference import Difference
from totes.errors import TransientError
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
    return differences(pipeline.verify(world.settings))


def differences(found: pipeline.Verification) -> dict[tuple[str, str], list[Difference]]:
    """Where sides differ, and the keys that do; all others must be known to be equal."""
    assert not found.damage
    unequal = [each for each in found.comparisons if not each.equal]
    assert all(each.verdict == "differs" for each in unequal), unequal
    return {(each.what, each.table): list(each.differences.shown) for each in unequal}


def assert_well(world: World) -> dict[tuple[str, str], Comparison]:
    """What a verification compared, all of which is equal, as the verification knows itself."""
    found = pipeline.verify(world.settings)
    assert differences(found) == {}
    assert found.is_well
    return {(each.what, each.table): each for each in found.comparisons}


def other(key: dict[str, str | None], *columns: str) -> Difference:
    return Difference(key, on_left=True, on_right=True, columns=columns)


def tables(world: World, *schemas: str) -> dict[str, list[str]]:
    """The rows of every table of some of the warehouse's schemas."""
    with psycopg.connect(world.warehouse) as connection:
        names = connection.execute(
            "select schemaname || '.' || tablename from pg_tables where schemaname = any(%s)",
            [list(schemas)],
        ).fetchall()
        return {
            name: sorted(map(str, connection.execute(f"table {name}".encode())))
            for (name,) in names
        }


def everything(world: World) -> tuple[Any, ...]:
    """All that there is: both lakes, and the warehouse."""
    return world.objects(), tables(world, "public", "totes")


# What is well


def test_pending_changes_are_no_difference(ran: World) -> None:
    """Rows that came, changed or went and are not ingested yet are laid over the lake; neither a
    verification nor a repair, of which there is nothing to do, writes anything."""
    ran.change(
        "delete from payment where payment_id = 8",
        "update address set address_line_2 = null where address_line_2 = ''",
        "insert into design select 500, design_name, '', file_location, now(), now() "
        "from design where design_id = 8",
    )
    before = everything(ran)
    result = totes(ran, "verify", "--repair", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert (document["well"], document["repaired"]) == (True, [])
    found = {(each["what"], each["table"]): each for each in document["comparisons"]}
    assert {pair for pair, each in found.items() if each["verdict"] != "equal"} == set()
    payment = found[SOURCE, "payment"]
    assert payment["explained"] == "with 1 change not yet ingested"
    assert payment["left"] == payment["right"]
    assert payment["left"]["rows"] == 5
    assert everything(ran) == before, "verify has written something"


def test_pending_changes_are_compared(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a capture would archive is compared as well: one that loses a change is found out."""
    ran.change("update design set design_name = 'Other' where design_id = 8")

    def losing(layers: Any, *arguments: Any, **keywords: Any) -> str:
        kept = [layer for layer in layers if layer.last == 1]
        return current(kept, *arguments, **keywords)

    monkeypatch.setattr(changes, "current", losing)
    assert differing(ran) == {(SOURCE, "design"): [other({"design_id": "8"}, "design_name")]}


@pytest.mark.slow
def test_stages_that_are_behind_are_well(ran: World) -> None:
    """Batches not yet processed, or not yet loaded, are no difference: each side is taken as of
    the batch that the other has reached."""
    for units in (7, 8):  # the processed lake is one batch behind, the warehouse one more
        ran.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
        pipeline.ingest(ran.settings)
        if units == 7:
            pipeline.process(ran.settings)
    assert_well(ran)


def test_nothing_there_yet_is_well(world: World) -> None:
    """Before the first run there is nothing to compare, and nothing wrong."""
    assert verified(world) == {}
    pipeline.ingest(world.settings)
    assert {what for what, _ in verified(world)} == {SOURCE}


@pytest.mark.slow
def test_history_is_well(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts deleted and inserted again, versions, members that are gone while facts refer to them,
    rows in quarantine over older versions: all as it should be, and told; also where there are so
    many batches that they are read in groups."""
    monkeypatch.setattr(star_and_warehouse, "GROUP", 2)
    ran.change(
        "create table kept as select * from sales_order where sales_order_id = 2",
        "delete from sales_order where sales_order_id in (2, 90)",
        "delete from design where design_id = 472",
        "update sales_order set units_sold = 1 where sales_order_id = 14",
        "update counterparty set legal_address_id = 777 where counterparty_id = 5",
    )
    ran.run()
    ran.change(
        "insert into sales_order select * from kept",
        "update sales_order set agreed_payment_date = '2023-02-30' where sales_order_id = 91",
        "update payment set payment_amount = 0.0000000001 where payment_id = 8",
    )
    ran.run()
    found = assert_well(ran)
    assert found[STAR, "dim_design"].explained == "and 1 kept though gone"
    assert found[STAR, "dim_counterparty"].explained == "and 1 in quarantine"
    assert found[STAR, "fact_sales_order"].explained == "and 1 in quarantine"
    quarantine, orders = found[STAR, "quarantine"].left, found[WAREHOUSE, "fact_sales_order"].left
    assert quarantine is not None
    assert quarantine.rows == 2
    assert orders is not None
    assert orders.rows == 4 + 3 + 1, "each version once: inserted, changed or deleted, inserted"
    ran.change("delete from sales_order where sales_order_id = 91")
    ran.run()
    assert_well(ran)


@pytest.mark.slow
def test_every_type_is_well(ran: World) -> None:
    """Values at the edges of their types, in facts and dimensions, read the same on both sides."""
    ran.change(
        "update payment set payment_amount = -12345678901234567890.0000000009 where payment_id = 8",
        "update payment set payment_amount = 100 where payment_id <> 8",
        "update sales_order set unit_price = 0.10, created_at = '0001-01-01', "
        "last_updated = '9999-12-31 23:59:59.999999' where sales_order_id = 14",
        "update design set design_name = E'a\\r\\n\\t\\\\N,\"x\"' where design_id = 8",
        "update design set file_name = '' where design_id = 8",
    )
    ran.run()
    assert_well(ran)


@pytest.mark.slow
def test_types_of_a_model_of_your_own_are_well(world: World) -> None:
    """A row whose key the warehouse holds with another type is known again in quarantine, and the
    spaces with which PostgreSQL fills up a `character(n)` are no difference."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    number = [f'sales_order_id = {{ type = "{kind}"' for kind in ("integer", "numeric")]
    padded = [f'currency_code = {{ type = "{kind}"' for kind in ("varchar", "character(5)")]
    for path, (was, now) in {
        "source/sales_order.toml": number,
        "star/fact_sales_order.toml": number,
        "star/dim_currency.toml": padded,
    }.items():
        text = (folder / path).read_text()
        assert was in text
        (folder / path).write_text(text.replace(was, now))
    shutil.rmtree(folder / "views")  # which promise an integer, and a varchar
    world.extra["model"] = folder
    world.run()
    world.change("update sales_order set agreed_payment_date = 'x' where sales_order_id = 14")
    world.run()
    printed = world.ask("select currency_code from dim_currency where currency_id = 1")
    assert printed == [("GBP  ",)]
    assert assert_well(world)[STAR, "fact_sales_order"].explained == "and 1 in quarantine"


@pytest.mark.slow
def test_runs_at_work_are_no_difference(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verification while others write, run and load is as well as one alone, whenever a batch is
    committed: between two lakes, right after the snapshot of the source, between two tables."""
    batches = [1]

    def another_runs() -> None:
        small.change(
            f"update things set said = 'run {len(batches)}' where id = 1",
            f"update things_2 set said = 'run {len(batches)}' where id = 1",
            "delete from things_2 where id = 2",
        )
        batches.extend(small.run()[-1].batches)

    @contextmanager
    def overtaken(*arguments: Any) -> Iterator[Any]:
        with looking(*arguments) as looked:
            another_runs()
            yield looked

    begun: set[str] = set()

    def meanwhile(_: str, what: str, done: int, total: int) -> None:
        step = "a lake" if what.endswith(" lake") else what.partition(":")[0]
        if step not in begun:
            begun.add(step)
            another_runs()

    monkeypatch.setattr("totes.pipeline.source_and_lake.looking", overtaken)
    found = pipeline.verify(small.settings, meanwhile)
    assert differences(found) == {}
    assert found.is_well
    assert begun == {"a lake", SOURCE, STAR, WAREHOUSE}
    assert batches == [1, 2, 3, 4, 5, 6]


# Source and lake

FORGED = {
    "address": (
        "select * replace (nullif(address_line_2, '') as address_line_2) from file",
        [other({"address_id": "2"}, "address_line_2")],
    ),
    "department": (
        "select * replace (department_name as manager, manager as department_name) from file "
        "where department_id = 1 union all from file where department_id <> 1",
        [other({"department_id": "1"}, "department_name", "manager")],
    ),
    "currency": (
        "select * replace (case currency_code when 'GBP' then 'EUR' when 'EUR' then 'GBP' "
        "else currency_code end as currency_code) from file",
        [
            other({"currency_id": "1"}, "currency_code"),
            other({"currency_id": "3"}, "currency_code"),
        ],
    ),
    "staff": (
        "select * replace (if(staff_id = 7, 8, staff_id) as staff_id) from file",
        [
            Difference({"staff_id": "7"}, on_left=True, on_right=False),
            Difference({"staff_id": "8"}, on_left=False, on_right=True),
        ],
    ),
    "sales_order": (
        "select * replace (case unit_price when '2.5' then '2.50' else unit_price end "
        "as unit_price) from file",
        [other({"sales_order_id": "91"}, "unit_price")],
    ),
    "design": (
        "select * replace (created_at + interval 1 microsecond as created_at) from file "
        "where design_id = 8 union all from file where design_id <> 8",
        [other({"design_id": "8"}, "created_at")],
    ),
}


def test_values_that_the_lake_has_wrong_are_found(world: World) -> None:
    """Counts and cursors agree and a value does not: its key and its column are named."""
    pipeline.ingest(world.settings)
    for table, (rows, _) in FORGED.items():
        forge(world, change_file(world, table), rows)
    assert pipeline.ingest(world.settings).batches == [], "an ingest would find it by itself"
    assert differing(world) == {(SOURCE, table): keys for table, (_, keys) in FORGED.items()}


def test_repair_captures_again(own: World) -> None:
    """--repair archives the true value as a change of a new batch; the history is that of what was
    held, and then the truth. All else stays as it was."""
    for also in ("", "_2"):
        add_things(own, also=also)
        insert(own, f"things{also}", {"id": 1, "said": "true"}, {"id": 2, "said": "true"})
    pipeline.ingest(own.settings)
    wrong = "select * replace (if(id = 1, 'wrong', said) as said) from file"
    forge(own, change_file(own, "things"), wrong)
    own.run()
    before = own.objects()
    result = totes(own, "verify", "--repair", TOTES_MODEL=str(own.extra["model"]))
    assert result.exit_code == 0, result.output
    assert result.output.count("totes verify found differences") == 1
    assert "all is well" in result.output
    after = own.objects()
    assert before.items() <= after.items()
    assert {key.split("/")[1] for key in after.keys() - before.keys()} == {
        "things",
        "facts",
        "members",
        "manifests",
    }
    versions = "select batch, change, said from facts where id = 1 order by batch"
    assert own.ask(versions) == [(1, "insert", "wrong"), (2, "update", "true")]


@pytest.mark.slow
def test_repair_brings_back_lost_rows(small: World) -> None:
    """Rows that the lake lost and still counts are captured again, and those that it has too many
    are deleted; what is pending in another table comes along."""
    insert(small, "things", {"id": 3, "said": "three"})
    small.run()
    another = "select * replace (77 as id) from file where id = 1"
    forge(small, change_file(small, "things"), another)
    small.change("update things_2 set said = 'new' where id = 1")
    reports, after = pipeline.repair(small.settings)
    assert reports[0].tables.keys() == {"things", "things_2"}
    lost, pending = (reports[0].tables[table] for table in ("things", "things_2"))
    assert (lost.inserted, lost.updated, lost.deleted, pending.updated) == (2, 0, 1, 1)
    assert after.is_well


def test_a_stopped_table_is_unknown(ran: World) -> None:
    """A table that does not fit its contract is not known to be equal, and does not differ; there
    is nothing to repair."""
    ran.change("alter table design rename column file_name to filename")
    result = totes(ran, "verify", "--repair")
    assert result.exit_code == 1
    (line,) = (line for line in result.output.splitlines() if "UNKNOWN" in line)
    assert re.search(r"source = lake +design +\? +\? .*column file_name is missing", line)
    assert "DIFFERS" not in result.output
    assert "not all is well" in result.output
    assert len(ran.ask("table totes.ledger")) == 1


# Lake and star

MISMADE = {
    "fact_sales_order": (
        "select * replace (units_sold + (sales_order_id = 14)::int as units_sold) from file",
        [other({"sales_order_id": "14"}, "units_sold")],
    ),
    "fact_payment": (
        "from file where payment_id <> 8",
        [Difference({"payment_id": "8"}, on_left=True, on_right=False)],
    ),
    "fact_purchase_order": (
        "from file union all "
        "select * replace (77 as purchase_order_id) from file where purchase_order_id = 6",
        [Difference({"purchase_order_id": "77"}, on_left=False, on_right=True)],
    ),
    "dim_location": (
        "select * replace (nullif(address_line_2, '') as address_line_2) from file",
        [other({"location_id": "2"}, "address_line_2")],
    ),
    "dim_design": (
        "from file where design_id <> 8",
        [Difference({"design_id": "8"}, on_left=True, on_right=False)],
    ),
    "dim_date": (
        "select * replace (if(date_id = '2023-03-01', 8, day_of_week) as day_of_week) from file",
        [other({"date_id": "2023-03-01"}, "day_of_week")],
    ),
    "quarantine": (
        "select * replace ('{}' as key) from file",
        [
            Difference({"model": "fact_sales_order", "key": '{"sales_order_id":91}'}, True, False),
            Difference({"model": "fact_sales_order", "key": "{}"}, False, True),
        ],
    ),
}


@pytest.mark.slow
def test_a_star_that_is_not_what_the_models_give_is_found(world: World) -> None:
    """The models are run afresh: a row that is lost, added or other than they give is named."""
    world.change("update sales_order set design_id = 99 where sales_order_id = 91")
    pipeline.ingest(world.settings)
    pipeline.process(world.settings)
    for table, (rows, _) in MISMADE.items():
        forge(world, change_file(world, table), rows)
    found = pipeline.verify(world.settings)
    by_key = {pair: sorted(keys, key=str) for pair, keys in differences(found).items()}
    assert by_key == {(STAR, name): sorted(keys, key=str) for name, (_, keys) in MISMADE.items()}
    assert any("TOTES_PROCESSED" in hint for hint in found.hints)


def test_a_star_of_another_model_is_unknown(ran: World) -> None:
    """A processed lake that was made with another model cannot be compared, and says so."""
    folder = ran.folder / "model"
    shutil.copytree(shipped_model(), folder)
    model = folder / "star" / "dim_design.sql"
    model.write_text(model.read_text() + "\nwhere true")
    ran.extra["model"] = folder
    found = verified(ran)
    assert {what for (what, _), each in found.items() if each.equal} == {SOURCE}
    assert "was made with another dim_design" in found[STAR, "fact_payment"].explained
    assert "another version of the data model" in found[WAREHOUSE, "dim_design"].explained


# Star and warehouse

# One change a table, so that none can hide that another one is not found: table, change, key, and
# the column that is to be named.
ROUNDS: dict[str, list[tuple[str, str, str, str]]] = {
    "digits and blanks": [
        ("fact_payment", "payment_amount = payment_amount + 0.00000000001", "8", "payment_amount"),
        ("fact_sales_order", "unit_price = unit_price + 0.01", "14", "unit_price"),
        ("fact_purchase_order", "item_code = item_code || ' '", "6", "item_code"),
        ("dim_location", "address_line_2 = null", "2", "address_line_2"),
        ("dim_date", "quarter = 5", "'2023-03-01'", "quarter"),
    ],
    "moments": [
        ("fact_payment", "created_time = created_time + interval '1 us'", "8", "created_time"),
        ("fact_sales_order", "created_time = '24:00:00'", "14", "created_time"),
        ("fact_purchase_order", "created_date = created_date + 1", "6", "created_date"),
        ("dim_location", "district = ''", "2", "district"),
    ],
    "versions": [
        ("fact_payment", "paid = not paid", "8", "paid"),
        ("fact_sales_order", "change = 'update'", "14", "change"),
        ("fact_purchase_order", "batch = 2", "6", "batch"),
    ],
    "keys": [
        ("fact_payment", "payment_id = 9999", "8", "payment_id"),
        ("fact_sales_order", "currency_id = currency_id % 3 + 1", "14", "currency_id"),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ROUNDS)
def test_a_value_changed_in_the_warehouse_is_found(ran: World, name: str) -> None:
    """Whatever column somebody changes in the warehouse, of whatever type: row and column are
    named, and a rebuild mends it."""
    before, expected = tables(ran, "public"), {}
    for table, change, key, column in ROUNDS[name]:
        star = ran.settings.data_model().stars[table]
        where = f"where {star.key[0]} = {key}"
        named = star.record_id or star.key[0]
        ((value,),) = ran.ask(f"select {named}::text from {table} {where}")
        ran.change(f"update {table} set {change} {where}", warehouse=True)
        expected[WAREHOUSE, table] = [other({named: value}, column)]
    assert differing(ran) == expected
    pipeline.rebuild(ran.settings)
    assert tables(ran, "public") == before


@pytest.mark.slow
def test_old_versions_and_lost_rows_are_found(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is long past, or a deletion, that somebody changed is found as well, in
    whichever group of batches it is; and so is a row that was deleted, also where another one was
    added, so that the counts agree."""
    monkeypatch.setattr(star_and_warehouse, "GROUP", 2)
    for statement in ("update payment set payment_amount = 1", "delete from payment"):
        ran.change(f"{statement} where payment_id = 8")
        ran.run()
    versions = "select payment_record_id from fact_payment where payment_id = 8 order by batch"
    first, _, third = (str(n) for (n,) in ran.ask(versions))
    ((lost,),) = ran.ask(
        "select purchase_record_id::text from fact_purchase_order where purchase_order_id = 6"
    )
    ran.change(
        f"update fact_payment set paid = not paid where payment_record_id in ({first}, {third})",
        "create temp table more as select * from fact_purchase_order where purchase_order_id = 6",
        "delete from fact_purchase_order where purchase_order_id = 6",
        "update more set purchase_record_id = 999, purchase_order_id = 888",
        "insert into fact_purchase_order select * from more",
        warehouse=True,
    )
    found = pipeline.verify(ran.settings)
    assert differences(found) == {
        (WAREHOUSE, "fact_payment"): [
            other({"payment_record_id": number}, "paid") for number in (first, third)
        ],
        (WAREHOUSE, "fact_purchase_order"): [
            Difference({"purchase_record_id": lost}, on_left=True, on_right=False),
            Difference({"purchase_record_id": "999"}, on_left=False, on_right=True),
        ],
    }
    counts = {
        each.table: (each.left.rows, each.right.rows)
        for each in found.comparisons
        if each.what == WAREHOUSE and each.left and each.right
    }
    assert counts["fact_payment"] == (6 + 2, 6 + 2)
    assert counts["fact_purchase_order"] == (2, 2)


def test_tables_altered_by_hand_are_not_equal(small: World) -> None:
    """A column of another type, or gone, is not taken for equal; other tables are compared."""
    altered = {
        "facts": ("alter id type bigint", "column id is bigint"),
        "members": ("alter id type numeric", "column id is numeric"),
        "facts_2": ("drop column said", "said"),
    }
    for table, (change, _) in altered.items():
        small.change(f"alter table {table} {change}", warehouse=True)
    unknown = {pair: each for pair, each in verified(small).items() if not each.equal}
    assert unknown.keys() == {(WAREHOUSE, table) for table in altered}
    assert {each.verdict for each in unknown.values()} == {"unknown"}
    for table, (_, said) in altered.items():
        assert said in unknown[WAREHOUSE, table].explained


def test_a_warehouse_that_lacks_a_table_is_unknown(ran: World) -> None:
    """Where a table or view is missing the warehouse is not compared, and a rebuild is hinted."""
    ran.change("drop table dim_payment_type cascade", warehouse=True)
    found = [each for (what, _), each in verified(ran).items() if what == WAREHOUSE]
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
def test_the_ledger_is_checked(small: World, statement: str, said: str) -> None:
    """Each of the ledger's batches must be the one of the lake; else it is damage, and named."""
    small.change("update things set said = 'new' where id = 1")
    small.run()
    small.change(statement, warehouse=True)
    found = pipeline.verify(small.settings)
    assert not found.is_well
    (sentence,) = found.damage
    assert re.search(said, sentence)


def test_a_rebuild_waits_while_the_warehouse_is_read(
    small: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild at the same time waits, and does not let verify find the tables empty: none of
    them can be emptied."""
    original = star_and_warehouse._compare

    def overtaken(*arguments: Any) -> Any:
        with pytest.raises(TransientError, match="lock timeout"):
            pipeline.rebuild(small.settings)
        for table in small.settings.data_model().stars:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                small.change(
                    "set lock_timeout = '20ms'", f"truncate {table} cascade", warehouse=True
                )
        return original(*arguments)

    monkeypatch.setattr("totes.warehouse.load.PATIENCE", "50ms")
    monkeypatch.setattr(star_and_warehouse, "_compare", overtaken)
    assert_well(small)


# What is shown


def test_json_has_everything(ran: World) -> None:
    """--json has counts, checksums in hex, verdicts, and the keys that differ. --repair writes
    nothing where only the warehouse differs."""
    ran.change(
        "delete from fact_payment where payment_id = 8",
        "update dim_staff set last_name = 'X', first_name = 'Y' where staff_id = 3",
        warehouse=True,
    )
    ran.change("update payment set paid = not paid where payment_id = 7")
    before = everything(ran)
    result = totes(ran, "verify", "--repair", "--json")
    assert result.exit_code == 1
    assert everything(ran) == before
    document = json.loads(result.output)
    assert document["repaired"] == []
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


def test_differing_keys_are_shown(ran: World) -> None:
    """On a terminal the first keys that differ are listed with what differs, all are counted; a
    row that is there twice, its key dropped, is said to be there too often."""
    ran.change(
        "update fact_payment set paid = not paid",
        "update dim_staff set last_name = 'X' where staff_id = 3",
        "alter table dim_currency drop constraint dim_currency_pkey cascade",
        "insert into dim_currency select * from dim_currency where currency_id = 1",
        warehouse=True,
    )
    result = totes(ran, "verify")
    assert result.exit_code == 1
    output = result.output
    assert "star = warehouse, fact_payment: 6 keys differ" in output
    assert "  payment_record_id 1: paid differs" in output
    assert "  and 1 more" in output
    assert "star = warehouse, dim_staff: 1 key differs" in output
    assert "currency_id 1: is not there as often in the star as in the warehouse" in output
    assert "hint: star = warehouse: totes rebuild --yes" in output
    assert output.count("DIFFERS") == 3


def test_progress_is_told_per_table(small: World) -> None:
    """Verify tells of each table once it has been compared, up to as many as it promised."""
    told: list[tuple[str, int, int]] = []
    pipeline.verify(small.settings, lambda _, what, done, total: told.append((what, done, total)))
    steps = [step for step in told if " = " in step[0]]
    assert steps[:2] == [(f"{SOURCE}: things", 1, 10), (f"{SOURCE}: things_2", 2, 10)]
    assert [done for _, done, _ in steps] == list(range(1, 11))
    assert {total for *_, total in steps} == {10}
    stars = {
        f"{what}: {name}"
        for what in (STAR, WAREHOUSE)
        for name in small.settings.data_model().stars
    }
    assert {what for what, *_ in steps[2:]} == stars


def test_verify_needs_no_more_than_select(ran: World) -> None:
    """A login to the source that may only SELECT is enough, and the source's values print the same
    however its database is configured."""
    with psycopg.connect(ran.source, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set datestyle = 'SQL, DMY'")
        connection.execute(f"alter database {name} set timezone = 'Asia/Tokyo'")
    with psycopg.connect(ran.warehouse, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set datestyle = 'SQL, DMY'")
    assert_well(ran)
