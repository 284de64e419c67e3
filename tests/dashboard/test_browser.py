"""The dashboard as people see it: every page, in a real browser, over the demo's company."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.dashboard.company import HOSTILE, Traded
from tests.dashboard.looking import DESKTOP, PHONE, Look, Theme, Window, window
from totes.dashboard import figures

pytestmark = pytest.mark.slow("a company, a server and a browser to start, and a second a page")

PAGES = {
    "sales": [
        "Sales by month",
        "Sales by country of delivery",
        "Sales by design",
        "Sales by member of staff",
        "Sales by counterparty",
    ],
    "purchases": [
        "Purchases by month",
        "Purchases by supplier's country",
        "Purchases by item",
        "Purchases by member of staff",
        "Purchases by counterparty",
    ],
    "payments": [
        "Due and overdue by counterparty",
        "Due by how late it is",
        "Paid against the agreed date",
        "Due by the month agreed",
    ],
    "history": ["Sales orders that changed last"],
    "pipeline": [
        "In quarantine",
        "Stopped tables",
        "Rows by batch",
        "Seconds by stage",
        "Batches",
        "Tables",
        "What the warehouse does not know",
    ],
}


@pytest.fixture
def at_desk(shared_page: Page, dashboard: str) -> Iterator[Window]:
    with window(shared_page, dashboard) as opened:
        yield opened


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_fit_to_be_seen(shared_page: Page, dashboard: str, name: str) -> None:
    """Every page has its panels at either width and theme, also when it changes; none has an error
    in the console, asks another host, has to be scrolled sideways, or has a grave fault of
    accessibility."""
    expected = Look(PAGES[name], alerts=int(name == "pipeline"))
    looks: tuple[tuple[int, Theme], ...]
    looks = (PHONE, "dark"), (DESKTOP, "dark"), (DESKTOP, "light"), (PHONE, "light")
    width, theme = looks[0]
    with window(shared_page, dashboard, width=width, theme=theme) as opened:
        opened.open(name)
        assert {look: opened.look(*look) for look in looks} == dict.fromkeys(looks, expected)
        assert opened.errors == []
        assert opened.hosts == {urlsplit(dashboard).netloc}


def test_the_figures_are_those_of_the_warehouse(at_desk: Window, company: Traded) -> None:
    """What the sales page says is what SQL says, whole and narrowed to a currency and country."""
    at_desk.open("sales")
    (row,) = company.ask(
        "select count(*) as orders, sum(units) as units, sum(order_value) as value "
        "from sales where currency_code = 'GBP'"
    )
    assert at_desk.totals() == {
        "Value (GBP)": figures.money(row["value"], "GBP"),
        "Units": figures.short(row["units"]),
        "Orders": f"{row['orders']:,}",
        "Average order": figures.money(row["value"] / row["orders"], "GBP"),
    }
    at_desk.choose("Currency", "USD")
    at_desk.choose("Country of delivery", "France")
    (row,) = company.ask(
        "select count(*) as orders, sum(order_value) as value "
        "from sales where currency_code = 'USD' and delivery_country = 'France'"
    )
    totals = at_desk.totals()
    assert totals["Orders"] == f"{row['orders']:,}"
    assert totals["Value (USD)"] == figures.money(row["value"], "USD")


def test_a_panel_gives_its_numbers_as_csv(at_desk: Window, company: Traded) -> None:
    """A CSV holds all numbers of its chart, exact, also those for which there was no room."""
    at_desk.open("sales?currency=EUR")
    rows = at_desk.downloaded("Sales by counterparty")
    expected = company.ask(
        "select counterparty_name, count(*) as orders, sum(units) as units, "
        "sum(order_value) as value from sales where currency_code = 'EUR' "
        "group by 1 order by value desc"
    )
    assert len(rows) == len(expected) > 10
    assert [row["counterparty"] for row in rows] == [row["counterparty_name"] for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert (int(row["orders"]), int(row["units"])) == (other["orders"], other["units"])
        assert (Decimal(row["value"]), row["currency"]) == (other["value"], "EUR")


def test_months_are_those_of_the_warehouse(at_desk: Window, company: Traded) -> None:
    """The chart by month has each month between the two that were chosen, in order."""
    at_desk.open("purchases")
    months = [row["month"] for row in at_desk.downloaded("Purchases by month")]
    at_desk.choose("From", months[3])
    at_desk.choose("To", months[5])
    rows = at_desk.downloaded("Purchases by month")
    assert [row["month"] for row in rows] == months[3:6]
    expected = company.ask(
        "select to_char(created_date, 'YYYY-MM') as month, sum(order_value) as value "
        "from purchases where currency_code = 'GBP' group by 1 order by 1"
    )
    assert [Decimal(row["value"]) for row in rows] == [row["value"] for row in expected][3:6]


def test_what_is_due_is_what_the_warehouse_says(at_desk: Window, company: Traded) -> None:
    """Due, overdue and paid are those of the payments view, in either direction."""
    at_desk.open("payments?direction=Owed by us")
    for direction, types in (
        ("Owed by us", ["PURCHASE_PAYMENT", "SALES_REFUND"]),
        ("Owed to us", ["SALES_RECEIPT", "PURCHASE_REFUND"]),
    ):
        if direction == "Owed to us":
            at_desk.choose("Direction", direction)
        (row,) = company.ask(
            "select sum(payment_amount) filter (where not paid) as due, "
            "sum(payment_amount) filter (where days_overdue > 0) as overdue, "
            "count(*) filter (where days_overdue > 0) as late, "
            "sum(payment_amount) filter (where paid) as made "
            "from payments where currency_code = 'GBP' and payment_type = any(%s)",
            types,
        )
        assert at_desk.totals() == {
            "Due (GBP)": figures.money(row["due"], "GBP"),
            "Of that overdue (GBP)": figures.money(row["overdue"], "GBP"),
            "Share overdue": f"{row['overdue'] / row['due']:.0%}",
            "Payments overdue": f"{row['late']:,}",
            "Paid (GBP)": figures.money(row["made"], "GBP"),
        }
        rows = at_desk.downloaded("Due and overdue by counterparty")
        assert sum(Decimal(row["overdue"]) for row in rows) == row["overdue"]


def test_an_order_s_versions_are_side_by_side(at_desk: Window, company: Traded) -> None:
    """An order that was corrected today shows both versions, and marks what changed and no more."""
    at_desk.open("history")
    at_desk.page.get_by_role("link", name=str(company.corrected), exact=True).click()
    at_desk.page.get_by_role("heading", name=f"Sales order {company.corrected}").wait_for()
    at_desk.settle()
    before, after = company.ask(
        "select units_sold, unit_price from sales_order_history "
        "where sales_order_id = %s order by batch",
        company.corrected,
    )
    table = at_desk.page.get_by_role("region", name=f"Sales order {company.corrected}")
    marked = table.locator("mark").all_inner_texts()
    changed = [name for name in before if before[name] != after[name]]
    assert changed
    assert {f"{after[name]:,}" for name in changed} <= set(marked)
    assert not {f"{before[name]:,}" for name in changed} & set(marked)
    columns = table.locator("thead th").all_inner_texts()
    assert ["first seen" in columns[0], "changed" in columns[1]] == [True, True]
    rows = at_desk.downloaded(f"Sales order {company.corrected}")
    assert [int(row["units"]) for row in rows] == [before["units_sold"], after["units_sold"]]


def test_a_filter_can_be_chosen_with_the_keyboard(at_desk: Window) -> None:
    """A filter is reached by Tab, and chosen by typing and Enter."""
    at_desk.open("sales")
    box = at_desk.page.get_by_role("combobox", name="Currency")
    for _ in range(30):
        at_desk.page.keyboard.press("Tab")
        if box.evaluate("e => e === document.activeElement"):
            break
    at_desk.page.keyboard.type("EUR")
    with at_desk.answered():
        at_desk.page.keyboard.press("Enter")
    assert "Value (EUR)" in at_desk.totals()


def test_a_number_can_be_typed(at_desk: Window, company: Traded) -> None:
    """A deleted order is found by its number with the keyboard alone, and said to be deleted."""
    at_desk.open("history")
    at_desk.page.get_by_role("textbox", name="Number").focus()
    at_desk.page.keyboard.type(str(company.deleted))
    with at_desk.answered():
        at_desk.page.keyboard.press("Enter")
    assert at_desk.panels()[0] == f"Sales order {company.deleted}"
    assert "It is deleted." in at_desk.page.get_by_test_id("stMain").inner_text()


def test_the_address_gives_the_same_view(at_desk: Window, browser: Browser, dashboard: str) -> None:
    """A view's address, opened in another window, shows the same figures."""
    at_desk.open("sales?currency=EUR")
    at_desk.choose("Show", "Units")
    at_desk.choose("From", "2026-01")
    address = at_desk.page.url.removeprefix(f"{dashboard}/")
    with browser.new_context() as unknown, window(unknown.new_page(), dashboard) as other:
        other.open(address)
        assert other.totals() == at_desk.totals()
        assert other.page.get_by_role("combobox", name="Show").input_value() == "Units"


def test_filters_go_with_one_from_page_to_page(at_desk: Window) -> None:
    """What was chosen on one page stays chosen on the next that has it."""
    at_desk.open("sales?currency=USD")
    with at_desk.answered():
        at_desk.page.get_by_role("link", name="Purchases").click()
    assert at_desk.page.get_by_role("heading", level=1).inner_text() == "Purchases"
    assert "Value (USD)" in at_desk.totals()


def test_rubbish_in_the_address_is_left_out(at_desk: Window) -> None:
    """What means nothing in an address is ignored, and named; the rest of it holds."""
    picture = "![](http://192.0.2.1/x.png)"
    at_desk.open(
        f"sales?currency=XYZ&from=yesterday&country=France&colour=red&show=Units&x={picture}"
    )
    note = at_desk.page.get_by_test_id("stAlert").inner_text()
    for part in ("currency=XYZ", "from=yesterday", "colour=red", picture):
        assert part in note
    assert at_desk.hosts == {urlsplit(at_desk.url).netloc}
    assert "France" not in note
    assert "colour" not in at_desk.page.url
    assert at_desk.panels() == PAGES["sales"]


def test_a_filter_that_matches_nothing_says_so(at_desk: Window, company: Traded) -> None:
    """Where no row matches, every panel says that, and the totals are nought."""
    (row,) = company.ask(
        "select to_char(month, 'YYYY-MM') as month, currency_code, country "
        "from (select distinct date_trunc('month', created_date) as month from purchases) "
        "as month, dim_currency, "
        "(select distinct counterparty_country as country from purchases) as place "
        "where not exists (select from purchases where counterparty_country = country "
        "and purchases.currency_code = dim_currency.currency_code "
        "and date_trunc('month', created_date) = month.month) limit 1"
    )
    span = f"from={row['month']}&to={row['month']}"
    at_desk.open(f"purchases?{span}&country={row['country']}&currency={row['currency_code']}")
    assert at_desk.totals()["Orders"] == "0"
    assert at_desk.page.get_by_text("no rows match").count() == len(PAGES["purchases"])


def test_the_pipeline_says_what_the_warehouse_knows(at_desk: Window, company: Traded) -> None:
    """Batches, seconds of each stage, what is stopped and in quarantine, and how many rows the
    tables have are those of the warehouse."""
    at_desk.open("pipeline")
    alert = at_desk.page.get_by_test_id("stAlert")
    said = alert.inner_text().replace(figures.JOINER, "")
    assert "Stopped since batch 2: design: column file_name is missing" in said
    assert " ".join(HOSTILE.split()) in said
    assert alert.locator("a, li").count() == 0
    totals = at_desk.totals()
    assert (totals["Newest batch"], totals["Rows in quarantine"]) == ("2", "1")
    ledger = company.ask(
        "select batch, extract(epoch from archived_at - taken_at) as ingest, "
        "extract(epoch from processed_at - archived_at) as process from totes.ledger order by 1"
    )
    seconds = at_desk.downloaded("Seconds by stage")
    assert [int(each["batch"]) for each in seconds] == [each["batch"] for each in ledger]
    for told, known in zip(seconds, ledger, strict=True):
        for stage in ("ingest", "process"):
            assert abs(Decimal(told[f"{stage} (s)"]) - known[stage]) < Decimal("0.006")
    (waiting,) = at_desk.downloaded("In quarantine")
    assert (waiting["model"], waiting["rows"]) == ("fact_payment", "1")
    assert "2024-02-30" in waiting["reasons"]
    counted = {row["table"]: int(row["rows"]) for row in at_desk.downloaded("Tables")}
    (row,) = company.ask("select count(*) as rows from fact_sales_order")
    assert counted["fact_sales_order"] == row["rows"]
