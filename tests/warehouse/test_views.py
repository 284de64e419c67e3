"""The views that analysts ask: their figures, their contracts, and how they follow the model."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.own_model import add_things
from tests.world import World
from totes import pipeline
from totes.contract import DataModel, shipped_model
from totes.errors import ConfigurationError, ModelError

EXPECTED = {
    path.stem: path.read_text()
    for path in (Path(__file__).parents[1] / "expected" / "views").glob("*.sql")
}
RATES = """Date,USD,JPY,GBP,
2023-03-06,1.0646,144.76,0.88510,
2023-03-02,1.0605,145.09,0.88608,
2023-03-01,1.0684,145.29,0.88800,
2023-02-28,1.0619,144.83,0.87680,
"""
# What a currency is in pounds on a day, as somebody would find it in the file's lines; and today.
ASIDE = """
    with today as (select (now() at time zone 'UTC')::date as today),
    rate (published, code, rate) as (values {}),
    day as (select generate_series(date '2023-01-01', '2023-12-31', '1 day')::date as day),
    pounds as (
        select day, currency_code as code, case currency_code when 'GBP' then 1 else (
            select pound.rate / rate.rate from rate join rate as pound using (published)
            where rate.code = currency_code and pound.code = 'GBP'
                and published between day - 7 and day
            order by published desc limit 1
        ) end as pounds
        from day cross join currency
    ),
    settled as (
        select t.sales_order_id, t.purchase_order_id, p.currency_id, p.paid, p.payment_date,
            p.payment_amount * case when y.payment_type_name like '%REFUND' then -1 else 1 end
                as signed
        from payment p join transaction t using (transaction_id)
        join payment_type y using (payment_type_id)
    )
"""

COPIED = """
    insert into payment (
        payment_id, created_at, last_updated, transaction_id, counterparty_id, payment_amount,
        currency_id, payment_type_id, paid, payment_date, company_ac_number, counterparty_ac_number
    )
    select {id}, created_at, last_updated, transaction_id, counterparty_id, {amount},
        {currency}, {type}, {paid}, '2023-03-01', 1, 2
    from payment where payment_id = {like}
"""


def values() -> str:
    """The rates as SQL's rows, the euro's own among them."""
    header, *lines = [line.rstrip(",").split(",") for line in RATES.split()]
    rows = [
        f"(date '{day}', '{code}', {rate}::numeric)"
        for day, *rates in lines
        for code, rate in zip([*header[1:], "EUR"], [*rates, "1"], strict=True)
    ]
    return ", ".join(rows)


def assert_views_equal_source(world: World) -> None:
    """Every row of the three views is what plain SQL over the source gives, cell by cell."""
    for view, query in EXPECTED.items():
        expected = world.ask(ASIDE.format(values()) + query, source=True)
        assert sorted(world.ask(f"select * from {view}")) == sorted(expected), view


def take_rates(world: World, text: str = RATES) -> None:
    path = world.folder / "rates.csv"
    path.write_text(text)
    pipeline.take_rates(world.settings, path)


def model_of_its_own(world: World) -> Path:
    """A copy of the shipped data model, which the world uses from now on."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    return folder


def test_every_figure_equals_plain_sql_over_the_source(ran: World) -> None:
    """Sales, purchases and payments are what SQL over the source gives, also after corrections, a
    refund, payments in another currency, and deletions."""
    take_rates(ran)
    assert len(EXPECTED) == 3
    assert_views_equal_source(ran)
    ran.change(
        COPIED.format(id=40, like=20, amount=100.5, currency="currency_id", type=2, paid="true"),
        COPIED.format(id=41, like=20, amount=77, currency=1, type=1, paid="true"),
        COPIED.format(id=42, like=7, amount=5, currency="currency_id", type=4, paid="false"),
        "update payment set paid = true, last_updated = '2023-04-01' where payment_id = 4",
        "update sales_order set units_sold = 7, last_updated = '2023-04-01' where unit_price = 4",
        "update department set department_name = 'Bags' where department_id < 100",
        "delete from purchase_order where purchase_order_id = 1",
        "delete from payment where payment_id = 8",
    )
    ran.run()
    assert_views_equal_source(ran)
    assert ran.ask("select count(*) from sales where amount_paid > 0") == [(2,)]
    assert ran.ask("select sales_order_id, amount_paid from sales order by 1 limit 2") == [
        (2, 2002),
        (14, Decimal("169209.18")),
    ]


def test_names_and_places_by_hand(ran: World) -> None:
    """Who sold an order, to whom and where it goes is told by name."""
    columns = "staff_name, currency_code, order_value, order_value_gbp"
    assert ran.ask(f"select {columns} from sales where sales_order_id = 14") == [
        ("Jérémie Müller", "USD", Decimal("169309.68"), None)
    ]
    assert ran.ask("select order_value_gbp, unit_price_gbp from sales where staff_id = 3") == [
        (399892, 4)
    ]


def test_freshness_is_for_everyone(world: World) -> None:
    """How fresh the warehouse is can be asked by who may read the schema `public` only."""
    world.run()
    query = "select batch, true_at, freshness, loaded_at from data_freshness"
    with psycopg.connect(world.warehouse) as connection:
        connection.execute("create role reader_of_freshness")
        connection.execute("grant select on data_freshness to reader_of_freshness")
        connection.execute("set role reader_of_freshness")
        rows = connection.execute(query).fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from totes.state")
        connection.rollback()
    assert len(rows) == 1
    batch, true_at, freshness, loaded_at = rows[0]
    assert batch == 1
    assert (true_at,) == world.ask("select true_at from totes.state")[0]
    assert 0 <= freshness.total_seconds() < 600
    assert true_at <= loaded_at


def test_every_view_says_what_it_is(ran: World) -> None:
    """Each shipped view has a contract, and psql's \\d+ shows its grain, meanings and units."""
    model = DataModel.load(shipped_model())
    assert all(view.grain and view.columns for view in model.views.values())
    comments = ran.ask("""
        select relname, attname, col_description(c.oid, attnum), obj_description(c.oid)
        from pg_class c join pg_attribute on attrelid = c.oid
        where relkind = 'v' and relnamespace = 'public'::regnamespace order by relname, attnum
    """)
    assert {name for name, *_ in comments} == set(model.views)
    for name, column, comment, grain in comments:
        assert grain == model.views[name].grain
        assert comment == model.views[name].columns[column].comment
    said = {(name, column): comment for name, column, comment, _ in comments}
    assert said["sales", "units"] == "how many bags (bags)"


def test_money_says_its_currency() -> None:
    """A column of money says in its unit which currency it is in, or that its row does."""
    model = DataModel.load(shipped_model())
    for view in ("sales", "purchases", "payments"):
        for name, column in model.views[view].columns.items():
            if column.type.name == "numeric":
                assert column.unit == ("GBP" if name.endswith("_gbp") else "currency_code"), name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('batch = { type = "bigint"', 'batch = { type = "integer"', "batch is bigint"),
        ("loaded_at =", "arrived_at =", "has the columns batch, true_at, freshness, loaded_at"),
    ],
)
def test_view_that_breaks_its_contract_is_refused(
    own: World, old: str, new: str, said: str
) -> None:
    """A view whose columns or types are not its contract's stops the load, which leaves nothing."""
    add_things(own)
    views = own.folder / "model" / "views"
    views.mkdir()
    for kind in ("sql", "toml"):
        shutil.copy(shipped_model() / "views" / f"data_freshness.{kind}", views)
    path = views / "data_freshness.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ModelError, match=said) as caught:
        own.run()
    assert caught.value.hint == "mend data_freshness.sql or data_freshness.toml in views/"
    assert own.ask("select to_regclass('members')") == [(None,)]


def test_views_follow_without_a_rebuild(ran: World) -> None:
    """A load takes over views that have changed, are new or are gone, and leaves the tables and
    what people may read as they are. A view may come without a contract, and read another."""
    ran.change(
        "create role reader_of_views",
        "grant select on sales to reader_of_views with grant option",
        warehouse=True,
    )
    tables = "select oid from pg_class where relname like 'fact%' order by 1"
    before = ran.ask(tables)
    views = model_of_its_own(ran) / "views"
    (views / "a_first.sql").write_text("select department, units from sales -- of today")
    (views / "payment_history.sql").unlink()
    (views / "payment_history.toml").unlink()
    contract = (views / "sales.toml").read_text()
    (views / "sales.toml").write_text(contract.replace("how many bags", "bags sold"))
    assert pipeline.load(ran.settings).batches == []
    ran.change("update staff set first_name = 'Ann'")
    ran.run()
    try:
        assert ran.ask("select sum(units) from a_first") == [(148946,)]
        assert ran.ask("select to_regclass('payment_history')") == [(None,)]
        assert ran.ask(tables) == before
        assert ran.ask("select has_table_privilege('reader_of_views', 'sales', 'select')") == [
            (True,)
        ]
        comment = (
            "select col_description(attrelid, attnum) from pg_attribute "
            "where attrelid = 'sales'::regclass and attname = 'units'"
        )
        assert ran.ask(comment) == [("bags sold (bags)",)]
    finally:
        ran.change("drop owned by reader_of_views", "drop role reader_of_views", warehouse=True)
    pipeline.rebuild(ran.settings)
    assert ran.ask("select sum(units) from a_first") == [(148946,)]


def test_views_of_others_are_not_dropped(ran: World) -> None:
    """Where somebody has built a view on one that has changed, the load says so, and stops."""
    ran.change("create view theirs as select * from sales", warehouse=True)
    path = model_of_its_own(ran) / "views" / "sales.sql"
    path.write_text(path.read_text() + "\n-- changed")
    ran.change("update staff set first_name = 'Ann'")
    with pytest.raises(ConfigurationError, match="theirs"):
        ran.run()
    assert ran.ask("select count(*) from theirs") == [(4,)]
    ran.change("drop view theirs", warehouse=True)
    ran.run()
    assert ran.ask("select distinct split_part(staff_name, ' ', 1) from sales") == [("Ann",)]


def test_verify_and_rebuild_know_views_that_are_not_made_yet(ran: World) -> None:
    """Where the data model's views have changed and no batch has come since, the warehouse is
    still found equal to the lake; a rebuild takes them over, and keeps the tables."""
    tables = "select oid from pg_class where relname like 'fact%' order by 1"
    before = ran.ask(tables)
    (model_of_its_own(ran) / "views" / "designs.sql").write_text("select * from dim_design")
    assert pipeline.verify(ran.settings).is_well
    pipeline.rebuild(ran.settings)
    assert ran.ask("select count(*) from designs") == [(2,)]
    assert ran.ask(tables) == before


def test_warehouse_of_an_older_version_needs_one_rebuild(ran: World) -> None:
    """A warehouse made before there were these views says what to do, and has them then."""
    for name in ("sales", "purchases", "payments", "data_freshness"):
        ran.change(
            f"drop view {name}",
            f"update totes.state set made = array_remove(made, '{name}')",
            warehouse=True,
        )
    ran.change("drop table dim_exchange_rate", warehouse=True)
    ran.change("update totes.state set model = '0123456789abcdef'", warehouse=True)
    ran.change("update staff set first_name = 'Ann'")
    with pytest.raises(ConfigurationError, match="another version of the data model") as caught:
        ran.run()
    assert "totes rebuild --yes" in str(caught.value.hint)
    pipeline.rebuild(ran.settings)
    assert ran.ask("select count(*) from sales") == [(4,)]


def test_view_may_not_be_called_like_a_table(tmp_path: Path) -> None:
    """A view of a star table's name is an error of the data model."""
    folder = shutil.copytree(shipped_model(), tmp_path / "model")
    (folder / "views" / "dim_staff.sql").write_text("select 1")
    with pytest.raises(ConfigurationError, match="dim_staff is a view and a table"):
        DataModel.load(folder)


def test_views_that_read_each_other_are_refused(tmp_path: Path) -> None:
    """Views that go round in a circle are an error of the data model."""
    folder = shutil.copytree(shipped_model(), tmp_path / "model")
    (folder / "views" / "hen.sql").write_text("select * from egg")
    (folder / "views" / "egg.sql").write_text("select * from hen")
    with pytest.raises(ConfigurationError, match="in a circle"):
        DataModel.load(folder)


def tables_of(world: World, query: str) -> set[str]:
    """The tables that PostgreSQL reads for a query."""

    def scanned(node: dict[str, Any]) -> set[str]:
        here = {node["Relation Name"]} if "Relation Name" in node else set()
        return here.union(*map(scanned, node.get("Plans", [])))

    ((plan,),) = world.ask(f"explain (format json) {query}")
    return scanned(plan[0]["Plan"])


QUESTIONS: dict[str, set[str]] = {
    "select count(*) from sales": set(),
    "select month, sum(units) from sales group by month": set(),
    "select department, currency_code, sum(order_value) from sales group by 1, 2": {
        "dim_staff",
        "dim_currency",
    },
    "select sum(order_value_gbp) from purchases": {"dim_currency", "dim_exchange_rate"},
    "select payment_type, count(*) from payments group by 1": {"dim_payment_type"},
}


@pytest.mark.slow
def test_question_pays_for_the_dimensions_it_asks(ran: World) -> None:
    """A query on a view reads the one fact and just those dimensions whose columns it names."""
    read = {query: tables_of(ran, query) for query in QUESTIONS}
    dimensions = {
        query: {name for name in found if name.startswith("dim_")} for query, found in read.items()
    }
    assert dimensions == QUESTIONS
    assert {query: len(read[query] - dimensions[query]) for query in read} == dict.fromkeys(read, 1)
