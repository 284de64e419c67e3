"""What a page says when there is nothing to show, or something is the matter; and what it holds."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import streamlit as st
from psycopg import errors
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.dashboard.company import may_only_read
from tests.world import World
from totes.dashboard import connection, figures, serving, summaries
from totes.dashboard.page import sales
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of another test's warehouse is remembered, nor that Streamlit takes a page's script
    for the main module, which a process that a later test spawns would run.

    Nor does each look search all installed packages for Streamlit's components: there are none.
    """
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    yield
    connection._opened.clear()
    st.cache_data.clear()
    st.cache_resource.clear()


def looked_at(warehouse: str, page: str = "sales", **asked: str) -> AppTest:
    """A page, after a look at it."""
    connection.use(warehouse)
    test = AppTest.from_file(str(serving.SCRIPT), default_timeout=60)
    for name, value in {"page": page, **asked}.items():
        test.query_params[name] = value
    return test.run()


def said(test: AppTest) -> str:
    """All that a page says in words."""
    assert not test.exception
    elements = [*test.error, *test.info, *test.caption]
    return "\n".join(element.value for element in elements).replace("\\", "")


def metric(test: AppTest, name: str) -> str:
    (found,) = [each for each in test.metric if each.label == name]
    return str(found.value)


def test_without_a_warehouse_it_says_which_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no warehouse is named, the page names the setting and gives an example of it."""
    monkeypatch.delenv("TOTES_WAREHOUSE", raising=False)
    test = AppTest.from_file(str(serving.SCRIPT), default_timeout=60).run()
    assert "TOTES_WAREHOUSE is not set" in said(test)
    assert "export TOTES_WAREHOUSE=" in said(test)


def test_a_server_that_is_away_can_be_tried_again(ran: World) -> None:
    """Where the server does not answer, the page says so without the password, and a button tries
    again: once the server is back, so is the page."""
    test = looked_at("postgresql://reader:hunter2@127.0.0.1:1/warehouse")
    assert "cannot connect to TOTES_WAREHOUSE" in said(test)
    assert "hunter2" not in said(test)
    connection.use(ran.warehouse)
    (button,) = test.button
    button.click()
    test.run()
    assert not test.error
    assert metric(test, "Orders") == "2"


def test_another_database_is_not_taken_for_a_warehouse(server: PostgresServer) -> None:
    """A database without the views is told from a warehouse, and which command makes one."""
    test = looked_at(server.dsn())
    assert "no warehouse of totesys" in said(test)
    assert "totes run" in said(test)


def test_a_login_without_a_grant_is_told_what_it_lacks(ran: World) -> None:
    """A login that may connect and not read is told the grant that it needs."""
    analyst = may_only_read(ran.warehouse, "public")
    ran.change(
        "revoke select on all tables in schema public from dashboard_analyst", warehouse=True
    )
    test = looked_at(analyst)
    assert "may not read" in said(test)
    assert "rant select on all tables in schema public" in said(test)


@pytest.mark.slow
def test_the_login_of_the_guide_is_enough(ran: World) -> None:
    """With the grants that the guide shows every page can be seen, the ledger too."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "dashboard.md"
    ((grants,),) = [re.findall(r"```sql\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)]
    ran.change(grants.replace("totes_writer", "postgres"), warehouse=True)
    try:
        login = re.sub(r"//[^@]*@", "//dashboard:CHANGE ME@", ran.warehouse).replace(" ", "%20")
        for page in serving.PAGES:
            test = looked_at(login, page)
            assert not test.error, page
            assert not test.info, page
    finally:
        ran.change("drop owned by dashboard", "drop role dashboard", warehouse=True)


def test_a_warehouse_before_its_first_batch(ran: World) -> None:
    """A warehouse that holds no batch says so on every page, and what loads one."""
    ran.change("delete from totes.ledger", warehouse=True)
    told = {page: said(looked_at(ran.warehouse, page)) for page in serving.PAGES}
    for answer in ("nothing has been loaded yet", "totes run"):
        assert [page for page, text in told.items() if answer not in text] == []


def test_a_page_without_rows_says_so(ran: World) -> None:
    """Where there are batches, and no purchases in them, their page says that; the others are not
    concerned."""
    ran.change("delete from fact_purchase_order", warehouse=True)
    assert "There are no purchases in the warehouse yet" in said(
        looked_at(ran.warehouse, "purchases")
    )
    assert metric(looked_at(ran.warehouse, "sales"), "Orders") == "2"


def test_a_number_that_no_order_has(ran: World) -> None:
    """A number of no order is answered in words, whatever was typed."""
    answers = {
        "99999999": "There is no sales order 99999999",
        "99999999999999": "is no number of an order",
        "'; drop table x": "is no number of an order",
    }
    for number, answer in answers.items():
        assert answer in said(looked_at(ran.warehouse, "history", number=number)), number


def test_a_page_that_does_not_exist(ran: World) -> None:
    """An address with a page that there is not shows the first one, and says so."""
    test = looked_at(ran.warehouse, "dancing")
    assert "page=dancing" in said(test)
    assert [title.value for title in test.title] == ["Sales"]


def test_sessions_can_only_read(ran: World) -> None:
    """Whatever its login may do, a session of the dashboard changes nothing, and not for ever."""
    connection.use(ran.warehouse)
    with connection.session() as session:
        assert session.execute("show statement_timeout").fetchone() == ("3min",)
        assert session.execute("show default_transaction_read_only").fetchone() == ("on",)
        with pytest.raises(errors.ReadOnlySqlTransaction), session.transaction():
            session.execute("delete from fact_payment")


def edition() -> summaries.Edition:
    found = summaries.edition()
    assert found is not None
    return found


def test_a_batch_is_added_up_once_and_the_next_one_anew(ran: World) -> None:
    """As long as nothing new is loaded the warehouse is not asked again; a new batch is seen."""
    connection.use(ran.warehouse)
    first = summaries.of("sales", edition(), sales.TRADE.ids)
    ran.run()  # finds nothing
    assert summaries.of("sales", edition(), sales.TRADE.ids) is first
    ran.change("update sales_order set units_sold = 7000 where sales_order_id = 14")
    ran.run()
    second = summaries.of("sales", edition(), sales.TRADE.ids)
    units = "select sum(units) as units from cell where kind = 'staff'"
    assert second.edition.batch == 2
    assert second.ask(units) != first.ask(units)


def test_what_takes_long_is_not_made_anew_with_each_batch(
    ran: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where adding up takes long, a page goes on with what it has for a while, and says so."""
    monkeypatch.setattr(summaries, "SLOW", -1.0)
    monkeypatch.setattr(summaries, "PATIENCE", 10_000)
    before = looked_at(ran.warehouse)
    ran.change("delete from sales_order where sales_order_id = 14")
    ran.run()
    after = looked_at(ran.warehouse)
    assert metric(after, "Orders") == metric(before, "Orders")
    assert "Batch 2 has arrived" in said(after)
    monkeypatch.setattr(summaries, "PATIENCE", 0)
    assert "has arrived" not in said(looked_at(ran.warehouse))


def test_pounds_are_offered_where_there_are_rates(ran: World) -> None:
    """With exchange rates all currencies can be seen at their worth in pounds, as the view has
    it; orders of days without a rate are counted, and their values missed."""
    assert "All, in GBP" not in looked_at(ran.warehouse).selectbox(key="currency").options
    ran.change(
        "insert into dim_exchange_rate select distinct created_date, code, rate, created_date "
        "from fact_sales_order, (values ('GBP', 0.85), ('USD', 1.1), ('EUR', 1)) as r (code, rate) "
        "where created_date <> (select min(created_date) from fact_sales_order)",
        warehouse=True,
    )
    test = looked_at(ran.warehouse, currency="All, in GBP")
    ((orders, value, missing),) = ran.ask(
        "select count(*), sum(order_value_gbp), count(*) - count(order_value_gbp) from sales"
    )
    assert metric(test, "Orders") == f"{orders:,}"
    assert metric(test, "Value (GBP)") == figures.money(value, "GBP")
    if missing:
        assert f"{missing} order" in said(test)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00k"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (999_999, "1.00M"),
        (61_234_567, "61.2M"),
        (Decimal("4567890123.45"), "4.57bn"),
        (-1500, "-1.50k"),
    ],
)
def test_figures_are_short(number: int | Decimal, text: str) -> None:
    """A figure has three or four digits, of whatever size it is."""
    assert figures.short(number) == text


def test_amounts_have_their_currency() -> None:
    """An amount is never without its currency, known or not."""
    assert figures.money(1234, "GBP") == "£1.23k"
    assert figures.money(-1234, "USD") == "-$1.23k"
    assert figures.money(1234, "SEK") == "SEK 1.23k"


def test_text_is_only_text() -> None:
    """Whatever text is shown among Markdown, none of it is a sign there."""
    shown = figures.plain("- *a*\nwww.b.example <c> d@e.example https://f")
    assert shown.replace(figures.JOINER, "·") == (
        r"- \*a\* www·.b.example \<c\> d·@e.example https\://f"
    )


def test_summaries_need_a_warehouse(server: PostgresServer) -> None:
    """What is no warehouse is an error that a person can mend, not one of SQL."""
    connection.use(server.dsn())
    with pytest.raises(ConfigurationError, match=re.escape("is no warehouse of totesys")):
        summaries.edition()


def test_the_ledger_is_shown_to_who_may_read_it(ran: World) -> None:
    """Who may read the ledger sees each batch with its rows."""
    with psycopg.connect(ran.warehouse) as opened:
        (row,) = opened.execute("select rows from totes.ledger").fetchall()
    test = looked_at(ran.warehouse, "pipeline")
    assert metric(test, "Rows in it") == f"{row[0]:,}"
    assert "Batches" in [header.value for header in test.header]


def test_who_may_not_read_the_ledger_is_told(ran: World) -> None:
    """A login that may not read the ledger is told who can let it; tables are counted even so."""
    test = looked_at(may_only_read(ran.warehouse, "public"), "pipeline")
    assert "grant usage on schema totes" in said(test)
    assert metric(test, "Newest batch") == "1"
    assert [header.value for header in test.header] == [
        "Tables",
        "What the warehouse does not know",
    ]


def test_what_is_amiss_is_shown_with_the_batches(ran: World) -> None:
    """Rows in quarantine and a stopped table are told with the reason and what to do; once the
    table goes on it is told that it was stopped, and the warning is gone."""
    test = looked_at(ran.warehouse, "pipeline")
    assert "No table is stopped, and no row is in quarantine" in said(test)
    ran.change(
        "update payment set payment_date = '2024-02-30' where payment_id = 31",
        "alter table design drop column file_name",
    )
    problem = str(ran.run()[0].problems["design"])
    test = looked_at(ran.warehouse, "pipeline")
    assert metric(test, "Rows in quarantine") == "1"
    assert f"Stopped since batch 2: {problem}" in test.warning[0].value.replace("\\", "")
    shown = " ".join(str(block.proto) for block in test.get("html"))
    assert "2024-02-30" in shown
    assert html.escape(problem) in shown

    ran.change("alter table design add column file_name text not null default 'x.json'")
    ran.run()
    test = looked_at(ran.warehouse, "pipeline")
    assert not test.warning
    assert {"Stopped tables", "In quarantine"} <= {header.value for header in test.header}


def test_every_table_that_is_stopped_is_told(ran: World) -> None:
    """However many tables are stopped, and were before: those that are so now are all told; where
    an older version has kept no reason, that there is one is told."""
    ran.change(
        "insert into totes.stopped select 'before_' || n, 0, 0, 'gone', null "
        "from generate_series(1, 20) as n",
        "insert into totes.stopped select 'now_' || n, 1, 1, 'gone', null "
        "from generate_series(1, 15) as n",
        "update totes.ledger set whole = false",
        "insert into totes.ledger select (jsonb_populate_record(l, '{\"batch\": 0}')).* "
        "from totes.ledger as l",
        warehouse=True,
    )
    (warning,) = looked_at(ran.warehouse, "pipeline").warning
    assert warning.value.count("Stopped since batch 1\\: gone") == 15
    ran.change("delete from totes.stopped", warehouse=True)
    st.cache_data.clear()
    (warning,) = looked_at(ran.warehouse, "pipeline").warning
    assert warning.value.startswith("A table is stopped. `totes status`")


def test_a_warehouse_of_another_version_is_told_apart(ran: World) -> None:
    """Where the ledger is another version's, the page says what makes the warehouse anew."""
    ran.change("alter table totes.ledger drop column archived_at", warehouse=True)
    test = looked_at(ran.warehouse, "pipeline")
    assert "one of another version of Totes" in said(test)
    assert "totes rebuild --yes" in said(test)
