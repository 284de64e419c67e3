"""Rows that cannot enter the star: kept with their reason, counted, and let in once mended."""

from __future__ import annotations

import json

import duckdb
import pytest

from tests.own_model import (
    add_source,
    add_star,
    add_things,
    create,
    insert,
    quarantined,
)
from tests.world import World
from totes import pipeline
from totes.errors import ModelError


def order(world: World, assignments: str, order_id: int = 14) -> None:
    world.change(f"update sales_order set {assignments} where sales_order_id = {order_id}")


def new_order(world: World, assignments: str, order_id: int = 100) -> None:
    """Insert an order that is like 14 but for the assignments."""
    world.change(
        "create temp table made as select * from sales_order where sales_order_id = 14",
        f"update made set sales_order_id = {order_id}, {assignments}",
        "insert into sales_order select * from made",
    )


def days(world: World) -> list[int]:
    return [n for (n,) in world.ask("select sales_order_id from current_sales_order order by 1")]


# What makes an order bad, and the reason that it waits with.
BAD = [
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
]


@pytest.mark.slow
def test_bad_rows_wait_and_everything_else_arrives(ran: World) -> None:
    """A row that cannot enter is kept with its reason; all others arrive; mended, it follows."""
    numbers = range(101, 101 + len(BAD))
    for number, (assignments, _) in zip(numbers, BAD, strict=True):
        new_order(ran, assignments, number)
    new_order(ran, "units_sold = 1", 100)
    ran.run()
    assert quarantined(ran) == [
        ("fact_sales_order", f'{{"sales_order_id":{number}}}', reason)
        for number, (_, reason) in zip(numbers, BAD, strict=True)
    ]
    assert pipeline.status(ran.settings).quarantine == {"fact_sales_order": len(BAD)}
    assert days(ran) == [2, 14, 90, 91, 100]
    assert pipeline.verify(ran.settings).is_well

    ran.change(
        "update sales_order set agreed_payment_date = '2023-02-28', design_id = 8, "
        "agreed_delivery_date = '2023-03-01', unit_price = 3.14 where sales_order_id > 100"
    )
    ran.run()
    assert quarantined(ran) == []
    assert days(ran) == [2, 14, 90, 91, 100, *numbers]
    assert pipeline.verify(ran.settings).is_well


def test_impossible_moment_waits(ran: World) -> None:
    """An order made in a year of six digits, or at infinity, waits; the calendar does not break."""
    new_order(ran, "created_at = '294240-01-01'", 101)
    new_order(ran, "last_updated = 'infinity'", 102)
    ran.run()
    assert [key for _, key, _ in quarantined(ran)] == [
        '{"sales_order_id":101}',
        '{"sales_order_id":102}',
    ]
    assert days(ran) == [2, 14, 90, 91]


def test_key_that_does_not_fit_waits(own: World) -> None:
    """A row whose key is out of the warehouse's range is in quarantine, not nowhere."""
    add_things(own, "bigint", "integer")
    insert(own, "things", {"id": 3000000000, "said": "far"}, {"id": 1, "said": "near"})
    own.run()
    said = ('{"id":3000000000}', "id: 3000000000 does not fit integer exactly")
    assert quarantined(own) == [("facts", *said), ("members", *said)]
    rows = pipeline.quarantined_rows(own.settings).rows
    assert [row.older_version_stands for row in rows] == [False, False]


def test_row_follows_when_its_reference_arrives(ran: World) -> None:
    """A row whose reference was missing enters by itself in the batch in which that arrives."""
    new_order(ran, "design_id = 77")
    ran.run()
    assert 100 not in days(ran)
    ran.change("insert into design select 77, 'x', 'y', 'z', now(), now()")
    ran.run()
    assert quarantined(ran) == []
    assert ran.ask("select batch, change from fact_sales_order where sales_order_id = 100") == [
        (3, "insert")
    ]


def test_dimension_that_lacks_what_it_needs_waits_with_all_that_refer_to_it(ran: World) -> None:
    """Staff of no department wait, and so do their orders, until the department is there."""
    ran.change(
        "insert into staff select first_name, 12, last_name, email_address, created_at, "
        "last_updated, 5 from staff where staff_id = 11",
        "create temp table made as select * from purchase_order",
        "update made set purchase_order_id = purchase_order_id + 100, staff_id = 12",
        "insert into purchase_order select * from made",
    )
    new_order(ran, "staff_id = 12")
    ran.run()
    models = [model for model, *_ in quarantined(ran)]
    assert models == ["dim_staff", "fact_purchase_order", "fact_purchase_order", "fact_sales_order"]
    ran.change("insert into department select now(), 'Five', null, null, now(), 5")
    ran.run()
    assert quarantined(ran) == []
    assert ran.ask("select count(*) from current_purchase_order") == [(4,)]
    assert 100 in days(ran)


def test_bad_version_leaves_the_good_one_current(ran: World) -> None:
    """While a correction is in quarantine, the version before it stays; then both are history."""
    order(ran, "agreed_payment_date = 'soon'")
    ran.run()
    assert len(quarantined(ran)) == 1
    assert ran.ask(
        "select agreed_payment_date::text from current_sales_order where sales_order_id = 14"
    ) == [("2023-03-08",)]
    order(ran, "agreed_payment_date = '2023-03-30'")
    ran.run()
    assert quarantined(ran) == []
    assert ran.ask(
        "select change from fact_sales_order where sales_order_id = 14 order by batch"
    ) == [("insert",), ("update",)]


def test_bad_row_that_is_deleted_leaves_the_quarantine(ran: World) -> None:
    """A row that is deleted at the source is in quarantine no more, and was never in the star."""
    new_order(ran, "agreed_payment_date = 'soon'")
    ran.run()
    ran.change("delete from sales_order where sales_order_id = 100")
    ran.run()
    assert quarantined(ran) == []
    assert ran.ask("select count(*) from fact_sales_order where sales_order_id = 100") == [(0,)]


def test_whole_row_is_kept(ran: World) -> None:
    """The quarantine keeps the whole source row, with the batch that first refused it."""
    new_order(ran, "agreed_payment_date = 'soon'")
    ran.run()
    (path,) = ran.folder.glob("processed/quarantine/*/*.parquet")
    (row,) = duckdb.execute(f"select row, since, source from '{path}'").fetchall()
    document = json.loads(row[0])
    assert document["unit_price"] == "3.94"
    assert document["agreed_payment_date"] == "soon"
    assert len(document) == 12
    assert row[1:] == (2, "sales_order")


def test_key_that_is_not_the_source_s_is_an_error(own: World) -> None:
    """A model that changes its key is named when it refuses a row, which else would be nowhere."""
    add_things(own)
    (own.folder / "model/star/facts.sql").write_text("select id + 1 as id, said from things")
    insert(own, "things", {"id": 1, "said": "much too long"})
    with pytest.raises(ModelError, match="does not give things's key as it is"):
        own.run()


def test_row_moved_to_another_key_waits_under_that(ran: World) -> None:
    """A waiting row that is moved to another key waits under the new one, since that batch."""
    new_order(ran, "agreed_payment_date = 'soon'")
    ran.run()
    order(ran, "sales_order_id = 15", 100)
    ran.run()
    found = pipeline.quarantined_rows(ran.settings).rows
    assert [(row.key, row.since) for row in found] == [('{"sales_order_id":15}', 3)]
    assert json.loads(found[0].row)["sales_order_id"] == 15


def test_what_refers_to_a_dimension_s_deleted_row_enters(ran: World) -> None:
    """A dimension keeps what is deleted at the source: a row that refers to it does not wait."""
    ran.change("delete from design where design_id = 472")
    order(ran, "design_id = 472, unit_price = 5", 90)
    ran.run()
    assert pipeline.quarantined_rows(ran.settings).total == 0
    assert ran.ask("select design_id from current_sales_order where sales_order_id = 90") == [
        (472,)
    ]


def test_older_version_of_a_dimension_s_row_is_good_enough_to_refer_to(ran: World) -> None:
    """While a dimension's row waits beside an older version, what refers to it enters."""
    ran.change("delete from department where department_id = 4")
    order(ran, "staff_id = 3, unit_price = 5", 14)
    ran.run()
    found = pipeline.quarantined_rows(ran.settings).rows
    assert [(row.model, row.older_version_stands) for row in found] == [("dim_staff", True)]
    assert ran.ask("select sales_staff_id from current_sales_order where sales_order_id = 14") == [
        (3,)
    ]


def test_older_version_is_found_where_the_key_has_another_type(own: World) -> None:
    """Whether an older version stands is known also where source and star type the key unlike."""
    add_things(own, "numeric", "integer")
    insert(own, "things", {"id": 14, "said": "short"}, {"id": 90, "said": "much too long"})
    own.run()
    own.change("update things set said = 'much too long'")
    own.run()
    found = pipeline.quarantined_rows(own.settings).rows
    assert {(row.model, row.key, row.since, row.older_version_stands) for row in found} == {
        ("facts", '{"id":"90"}', 1, False),
        ("facts", '{"id":"14"}', 2, True),
        ("members", '{"id":"90"}', 1, False),
        ("members", '{"id":"14"}', 2, True),
    }


def test_older_version_stands_no_longer_once_deleted(ran: World) -> None:
    """A row that was deleted and comes again as a bad one has no older version that stands."""
    ran.change("create table kept as select * from sales_order where sales_order_id = 14")
    ran.change("delete from sales_order where sales_order_id = 14")
    ran.run()
    ran.change("update kept set design_id = 77", "insert into sales_order select * from kept")
    ran.run()
    (row,) = pipeline.quarantined_rows(ran.settings).rows
    assert (row.since, row.older_version_stands) == (3, False)
    assert 14 not in days(ran)


def test_what_waits_is_as_it_is_now(ran: World) -> None:
    """Reason and row in quarantine follow the source, while the row waits for another reason."""
    new_order(ran, "design_id = 77, agreed_payment_date = 'soon'")
    ran.run()
    ran.change("insert into design select 77, 'x', 'y', 'z', now(), now()")
    ran.run()
    (row,) = pipeline.quarantined_rows(ran.settings).rows
    assert (row.since, row.reason) == (2, "agreed_payment_date: soon is no date")
    order(ran, "units_sold = 5", 100)
    ran.run()
    (row,) = pipeline.quarantined_rows(ran.settings).rows
    assert (row.since, json.loads(row.row)["units_sold"]) == (2, 5)


def test_what_no_json_number_is_waits_as_text(own: World) -> None:
    """NaN and infinity, in a waiting row or its key, are text in its JSON, which anyone can read;
    and the row is found again when it is retried."""
    columns = {"id": "double precision", "short": "real", "said": "text"}
    create(own, "things", columns, key=["id"])
    add_source(own, "things", columns)
    star_columns = {**columns, "said": "varchar(3)"}
    add_star(own, "stars", star_columns, "select id, short, said from things", driven_by="things")
    numbers = ["-Infinity", "Infinity", "NaN"]
    insert(own, "things", *({"id": bad, "short": bad, "said": "long"} for bad in numbers))
    insert(own, "things", {"id": 1.5, "said": "inf!"})
    own.run()
    rows = pipeline.quarantined_rows(own.settings).rows
    assert {row.key: strict(row.row) for row in rows} == {
        '{"id":1.5}': {"id": 1.5, "short": None, "said": "inf!"},
        **{f'{{"id":"{bad}"}}': {"id": bad, "short": bad, "said": "long"} for bad in numbers},
    }
    assert pipeline.verify(own.settings).is_well
    own.change("update things set said = 'ok'")
    own.run()
    assert quarantined(own) == []
    assert own.ask("select id::text, short::text from stars order by id") == [
        ("-Infinity", "-Infinity"),
        ("1.5", None),
        ("Infinity", "Infinity"),
        ("NaN", "NaN"),
    ]


def strict(text: str) -> object:
    """What JSON says, which has no NaN and no Infinity."""

    def refuse(constant: str) -> object:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)
