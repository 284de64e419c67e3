"""Rows that cannot enter the star: kept with their reason, counted, and let in once mended."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.own_model import add_source, add_star, create, insert, own_world, quarantined
from tests.world import World
from totes import duck, pipeline, star
from totes.contract import shipped_model
from totes.demo.postgres import PostgresServer
from totes.errors import ModelError
from totes.lake import Lake


def quarantine(world: World) -> list[tuple[str, str, str]]:
    """(model, key, reason) of the rows in quarantine."""
    with duck.workspace() as work:
        processed = Lake(world.settings.lake("processed"), "processed", work.folder)
        head = processed.head()
        assert head is not None
        table = head.tables[star.QUARANTINE]
        if not table.state:
            return []
        from totes.changes import current

        layers = processed.layers(table.state)
        query = current(
            layers, star.QUARANTINE_KEY, dict.fromkeys(["model", "key", "reason"], "VARCHAR")
        )
        found = work.engine.execute(query).fetchall()
    assert table.rows == len(found)
    return sorted(found)


def order(world: World, assignments: str, order_id: int = 14) -> None:
    world.change(f"update sales_order set {assignments} where sales_order_id = {order_id}")


def days(world: World) -> list[int]:
    return [n for (n,) in world.ask("select sales_order_id from current_sales_order order by 1")]


@pytest.mark.parametrize(
    ("assignments", "reason"),
    [
        ("agreed_payment_date = '2023-02-30'", "agreed_payment_date: 2023-02-30 is no date"),
        ("agreed_payment_date = ''", "agreed_payment_date:  is no date"),
        ("agreed_delivery_date = 'infinity'", "agreed_delivery_date: infinity is no date"),
        ("design_id = 77", "design_id: 77 is not in dim_design"),
        ("agreed_delivery_date = '24-01-05'", "agreed_delivery_date: 24-01-05 is no date"),
        ("agreed_delivery_date = '20241-01-05'", "agreed_delivery_date: 20241-01-05 is no date"),
        ("agreed_delivery_date = '294247-01-01'", "agreed_delivery_date: 294247-01-01 is no date"),
        ("agreed_delivery_date = 'epoch'", "agreed_delivery_date: epoch is no date"),
        (
            "agreed_delivery_date = '2024-01-05 23:00:00-05'",
            "agreed_delivery_date: 2024-01-05 23:00:00-05 is no date",
        ),
        ("unit_price = 3.141", "unit_price: 3.141 does not fit numeric(10,2) exactly"),
        (
            "unit_price = 123456789.00",
            "unit_price: 123456789.00 does not fit numeric(10,2) exactly",
        ),
        ("unit_price = 'NaN'", "unit_price: NaN does not fit numeric(10,2) exactly"),
        (
            "design_id = 77, unit_price = 'Infinity'",
            "unit_price: Infinity does not fit numeric(10,2) exactly; "
            "design_id: 77 is not in dim_design",
        ),
    ],
)
def test_bad_row_waits_and_everything_else_arrives(
    world: World, assignments: str, reason: str
) -> None:
    """A row that cannot enter is kept with its reason; all others arrive; mended, it follows."""
    order(world, assignments)
    world.run()
    assert quarantine(world) == [
        ("fact_sales_order", json.dumps({"sales_order_id": 14}).replace(" ", ""), reason)
    ]
    assert pipeline.status(world.settings).quarantine == {"fact_sales_order": 1}
    assert days(world) == [2, 90, 91]
    assert pipeline.verify(world.settings).is_well

    order(
        world,
        "agreed_payment_date = '2023-02-28', agreed_delivery_date = '2023-03-01', "
        "design_id = 8, unit_price = 3.14",
    )
    world.run()
    assert quarantine(world) == []
    assert days(world) == [2, 14, 90, 91]
    assert pipeline.verify(world.settings).is_well


def test_impossible_moment_waits(world: World) -> None:
    """An order made in a year of six digits, or at infinity, waits; the calendar does not break."""
    order(world, "created_at = '294240-01-01'")
    order(world, "last_updated = 'infinity'", 90)
    world.run()
    assert [key for _, key, _ in quarantine(world)] == [
        '{"sales_order_id":14}',
        '{"sales_order_id":90}',
    ]
    assert days(world) == [2, 91]


def test_key_that_does_not_fit_waits(world: World) -> None:
    """A row whose key is out of the warehouse's range is in quarantine, not nowhere."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    contract = folder / "source" / "design.toml"
    contract.write_text(contract.read_text().replace('type = "integer"', 'type = "bigint"'))
    world.extra["model"] = folder
    world.change(
        "alter table design alter design_id type bigint",
        "insert into design select 3000000000, design_name, file_name, file_location, "
        "last_updated, created_at from design where design_id = 8",
    )
    world.run()
    assert quarantine(world) == [
        (
            "dim_design",
            '{"design_id":3000000000}',
            "design_id: 3000000000 does not fit integer exactly",
        )
    ]
    (row,) = pipeline.quarantined_rows(world.settings).rows
    assert not row.older_version_stands


def test_row_follows_when_its_reference_arrives(world: World) -> None:
    """A row whose reference was missing enters by itself in the batch in which that arrives."""
    order(world, "design_id = 77")
    world.run()
    assert 14 not in days(world)
    world.change("insert into design select 77, 'x', 'y', 'z', now(), now()")
    world.run()
    assert quarantine(world) == []
    assert world.ask("select batch, change from fact_sales_order where sales_order_id = 14") == [
        (2, "insert")
    ]


def test_dimension_that_lacks_what_it_needs_waits_with_all_that_refer_to_it(world: World) -> None:
    """Staff of no department wait, and so do their orders, until the department is there."""
    world.change("delete from department where department_id = 4")
    world.run()
    models = [model for model, *_ in quarantine(world)]
    assert models == ["dim_staff", "fact_purchase_order", "fact_purchase_order", "fact_sales_order"]
    world.change("insert into department select now(), 'Purchasing', null, null, now(), 4")
    world.run()
    assert quarantine(world) == []
    assert world.ask("select count(*) from current_purchase_order") == [(2,)]


def test_bad_version_leaves_the_good_one_current(world: World) -> None:
    """While a correction is in quarantine, the version before it stays; then both are history."""
    world.run()
    order(world, "agreed_payment_date = 'soon'")
    world.run()
    assert len(quarantine(world)) == 1
    assert world.ask(
        "select agreed_payment_date::text from current_sales_order where sales_order_id = 14"
    ) == [("2023-03-08",)]
    order(world, "agreed_payment_date = '2023-03-30'")
    world.run()
    assert quarantine(world) == []
    assert world.ask(
        "select change from fact_sales_order where sales_order_id = 14 order by batch"
    ) == [("insert",), ("update",)]


def test_bad_row_that_is_deleted_leaves_the_quarantine(world: World) -> None:
    """A row that is deleted at the source is in quarantine no more, and was never in the star."""
    order(world, "agreed_payment_date = 'soon'")
    world.run()
    world.change("delete from sales_order where sales_order_id = 14")
    world.run()
    assert quarantine(world) == []
    assert world.ask("select count(*) from fact_sales_order where sales_order_id = 14") == [(0,)]


def test_whole_row_is_kept(world: World) -> None:
    """The quarantine keeps the whole source row, with the batch that first refused it."""
    import duckdb

    order(world, "agreed_payment_date = 'soon'")
    world.run()
    (path,) = world.folder.glob("processed/quarantine/*/*.parquet")
    (row,) = duckdb.execute(f"select row, since, source from '{path}'").fetchall()
    document = json.loads(row[0])
    assert document["unit_price"] == "3.94"
    assert document["agreed_payment_date"] == "soon"
    assert len(document) == 12
    assert row[1:] == (1, "sales_order")


def test_key_that_is_not_the_source_s_is_an_error(world: World) -> None:
    """A model that changes its key is named when it refuses a row, which else would be nowhere."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    model = folder / "star" / "fact_sales_order.sql"
    given = model.read_text().replace("sales_order_id,", "sales_order_id + 1 as sales_order_id,", 1)
    model.write_text(given)
    order(world, "agreed_payment_date = 'soon'")
    with pytest.raises(ModelError, match="does not give sales_order's key as it is"):
        world.run()


def test_row_moved_to_another_key_waits_under_that(world: World) -> None:
    """A waiting row that is moved to another key waits under the new one, since that batch."""
    order(world, "agreed_payment_date = 'soon'")
    world.run()
    order(world, "sales_order_id = 15")
    world.run()
    found = pipeline.quarantined_rows(world.settings).rows
    assert [(row.key, row.since) for row in found] == [('{"sales_order_id":15}', 2)]
    assert json.loads(found[0].row)["sales_order_id"] == 15


def test_what_refers_to_a_dimension_s_deleted_row_enters(world: World) -> None:
    """A dimension keeps what is deleted at the source: a row that refers to it does not wait."""
    world.run()
    world.change("delete from design where design_id = 472")
    order(world, "design_id = 472, unit_price = 5", 90)
    world.run()
    assert pipeline.quarantined_rows(world.settings).total == 0
    assert world.ask("select design_id from current_sales_order where sales_order_id = 90") == [
        (472,)
    ]


def test_older_version_of_a_dimension_s_row_is_good_enough_to_refer_to(world: World) -> None:
    """While a dimension's row waits beside an older version, what refers to it enters."""
    world.run()
    world.change("delete from department where department_id = 4")
    order(world, "staff_id = 3, unit_price = 5", 14)
    world.run()
    found = pipeline.quarantined_rows(world.settings).rows
    assert [(row.model, row.older_version_stands) for row in found] == [("dim_staff", True)]
    assert world.ask(
        "select sales_staff_id from current_sales_order where sales_order_id = 14"
    ) == [(3,)]


def test_older_version_is_found_where_the_key_has_another_type(world: World) -> None:
    """Whether an older version stands is known also where source and star type the key unlike."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    contract = folder / "source" / "sales_order.toml"
    old = 'sales_order_id = { type = "integer"'
    assert old in contract.read_text()
    contract.write_text(contract.read_text().replace(old, 'sales_order_id = { type = "numeric"'))
    world.change("alter table sales_order alter sales_order_id type numeric")
    order(world, "agreed_payment_date = 'soon'", 90)
    world.run()
    order(world, "agreed_payment_date = 'soon'")
    world.run()
    found = pipeline.quarantined_rows(world.settings).rows
    assert [(row.key, row.since, row.older_version_stands) for row in found] == [
        ('{"sales_order_id":"90"}', 1, False),
        ('{"sales_order_id":"14"}', 2, True),
    ]


def test_older_version_stands_no_longer_once_deleted(world: World) -> None:
    """A row that was deleted and comes again as a bad one has no older version that stands."""
    world.run()
    world.change("create table kept as select * from sales_order where sales_order_id = 14")
    world.change("delete from sales_order where sales_order_id = 14")
    world.run()
    world.change("update kept set design_id = 77", "insert into sales_order select * from kept")
    world.run()
    (row,) = pipeline.quarantined_rows(world.settings).rows
    assert (row.since, row.older_version_stands) == (3, False)
    assert 14 not in days(world)


def test_what_waits_is_as_it_is_now(world: World) -> None:
    """Reason and row in quarantine follow the source, while the row waits for another reason."""
    order(world, "design_id = 77, agreed_payment_date = 'soon'")
    world.run()
    world.change("insert into design select 77, 'x', 'y', 'z', now(), now()")
    world.run()
    (row,) = pipeline.quarantined_rows(world.settings).rows
    assert (row.since, row.reason) == (1, "agreed_payment_date: soon is no date")
    order(world, "units_sold = 5")
    world.run()
    (row,) = pipeline.quarantined_rows(world.settings).rows
    assert (row.since, json.loads(row.row)["units_sold"]) == (1, 5)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_what_no_json_number_is_waits_as_text(
    server: PostgresServer, tmp_path: Path, bad: str
) -> None:
    """NaN and infinity, in a waiting row or its key, are text in its JSON, which anyone can read;
    and the row is found again when it is retried."""
    columns = {"id": "double precision", "short": "real", "said": "text"}
    with own_world(server, tmp_path) as own:
        create(own, "things", columns, key=["id"])
        add_source(own, "things", columns)
        star_columns = {**columns, "said": "varchar(3)"}
        add_star(
            own, "stars", star_columns, "select id, short, said from things", driven_by="things"
        )
        insert(
            own, "things", {"id": bad, "short": bad, "said": "long"}, {"id": 1.5, "said": "inf!"}
        )
        own.run()
        rows = pipeline.quarantined_rows(own.settings).rows
        assert {row.key: strict(row.row) for row in rows} == {
            json.dumps({"id": bad}, separators=(",", ":")): {
                "id": bad,
                "short": bad,
                "said": "long",
            },
            '{"id":1.5}': {"id": 1.5, "short": None, "said": "inf!"},
        }
        assert pipeline.verify(own.settings).is_well
        own.change("update things set said = 'ok'")
        own.run()
        assert quarantined(own) == []
        assert own.ask("select id::text, short::text from stars order by id = 1.5") == [
            (bad, bad),
            ("1.5", None),
        ]


def strict(text: str) -> object:
    """What JSON says, which has no NaN and no Infinity."""

    def refuse(constant: str) -> object:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)
