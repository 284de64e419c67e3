"""`totes quarantine`: what people see of the rows that wait, and another try for them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import assert_is_clear_error, totes
from tests.world import NO_DATE, World
from totes.contract import shipped_model


def listed(world: World, *arguments: str, **settings: str) -> dict[str, Any]:
    """What `totes quarantine list --json` prints."""
    result = totes(world, "quarantine", "list", "--json", *arguments, **settings)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


NOTHING_TO_RETRY = "nothing in quarantine to try again\n"


def breaks(world: World, assignments: str, order: int = 14) -> None:
    world.change(f"update sales_order set {assignments} where sales_order_id = {order}")


def order_like(order: int, keys: str, payment_date: str) -> str:
    """SQL that inserts orders like one, with other keys and that date of payment."""
    return (
        f"insert into sales_order select '{payment_date}', {keys}, last_updated, created_at, "
        "unit_price, design_id, staff_id, counterparty_id, units_sold, currency_id, "
        "agreed_delivery_date, agreed_delivery_location_id from sales_order "
        f"where sales_order_id = {order}"
    )


@pytest.fixture
def strict(world: World) -> Path:
    """The list of currencies of a data model, which the world uses, in which each currency must
    have its name; the pound is not in the list."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    world.extra["model"] = folder
    contract = folder / "star" / "dim_currency.toml"
    text = contract.read_text()
    assert ", null = true" in text
    contract.write_text(text.replace(", null = true", ""))
    mend(folder / "reference" / "iso_4217.csv", "GBP,", "XGB,")
    return folder / "reference" / "iso_4217.csv"


def mend(currencies: Path, old: str, new: str) -> None:
    text = currencies.read_text()
    assert f"\n{old}" in text
    currencies.write_text(text.replace(f"\n{old}", f"\n{new}"))


def test_quarantine_before_the_first_batch(untouched: World) -> None:
    """Before the first batch the quarantine is said to be empty, and there is nothing to retry."""
    before = totes(untouched, "quarantine", "list")
    assert before.exit_code == 0
    assert before.output == "nothing in quarantine, and no batch in the processed lake yet\n"
    retried = totes(untouched, "quarantine", "retry")
    assert (retried.exit_code, retried.output) == (0, NOTHING_TO_RETRY)
    assert untouched.objects() == {}


def test_nothing_in_quarantine_is_said(ran: World) -> None:
    """An empty quarantine is said to be empty, and a retry then makes no batch, whatever is new."""
    after = totes(ran, "quarantine", "list")
    assert after.exit_code == 0
    assert after.output == "nothing in quarantine, after batch 1\n"
    assert listed(ran) == {"batch": 1, "total": 0, "rows": []}
    ran.change("delete from payment where payment_id = 8")
    before = ran.objects()
    result = totes(ran, "quarantine", "retry")
    assert (result.exit_code, result.output) == (0, NOTHING_TO_RETRY)
    assert json.loads(totes(ran, "quarantine", "retry", "--json").output) == {
        "reports": [],
        "tried": 0,
        "back": 0,
        "gone": 0,
        "left": 0,
    }
    assert ran.objects() == before


def test_list_shows_each_row_with_its_reason(ran: World) -> None:
    """A row in quarantine is shown with model, source table, key, batch, reason, and whether an
    older version stands; nothing is written."""
    ran.change(order_like(14, "95", "soon"))
    totes(ran, "run")
    breaks(ran, "design_id = 77, unit_price = 1.234")
    totes(ran, "run")
    before = ran.objects()
    result = totes(ran, "quarantine", "list")
    assert result.exit_code == 0
    assert ran.objects() == before
    title, _, *rows = result.output.splitlines()
    assert title == "2 rows in quarantine after batch 3"
    assert [" ".join(row.split()) for row in rows] == [
        "fact_sales_order sales_order sales_order_id 95 2 not in the star "
        "agreed_payment_date: soon is no date",
        "fact_sales_order sales_order sales_order_id 14 3 an older version stands "
        "unit_price: 1.234 does not fit numeric(10,2) exactly; design_id: 77 is not in dim_design",
    ]


def test_list_json_has_the_whole_row(troubled: World) -> None:
    """With --json each row is whole, the source's row with it, and nothing is cut."""
    document = listed(troubled)
    assert (document["batch"], document["total"]) == (2, 4)
    (row,) = [row for row in document["rows"] if row["key"] == {"sales_order_id": 2}]
    source = row.pop("row")
    assert source["agreed_payment_date"] == NO_DATE
    assert source["unit_price"] == "2.00"
    assert len(source) == 12
    assert row == {
        "model": "fact_sales_order",
        "source": "sales_order",
        "key": {"sales_order_id": 2},
        "reason": f"agreed_payment_date: {NO_DATE} is no date; "
        f"agreed_delivery_date: {NO_DATE} is no date",
        "since": 2,
        "older_version_stands": True,
    }
    shown = totes(troubled, "quarantine", "list").output.splitlines()
    (line,) = [line for line in shown if "sales_order_id 2 " in line]
    assert line.endswith("…")
    assert max(map(len, shown)) < 300


@pytest.mark.slow
def test_since_is_the_first_batch_that_refused_the_row(ran: World) -> None:
    """A row that goes on being refused, also for another reason, waits since the first batch; one
    that was mended in between, since the later one."""
    for assignments, since in [
        ("agreed_payment_date = 'soon'", [2]),
        ("agreed_payment_date = 'later'", [2]),
        ("agreed_payment_date = '2023-03-08'", []),
        ("agreed_payment_date = 'soon'", [5]),
    ]:
        breaks(ran, assignments)
        totes(ran, "run")
        assert [row["since"] for row in listed(ran)["rows"]] == since


def test_list_of_one_model(troubled: World) -> None:
    """--model lists the rows of one model; one that does not exist is an error that names all."""
    assert listed(troubled)["total"] == 4
    only = listed(troubled, "--model", "fact_sales_order")
    assert {row["model"] for row in only["rows"]} == {"fact_sales_order"}
    assert only["total"] == 3
    assert listed(troubled, "--model", "dim_staff")["rows"] == []
    unknown = totes(troubled, "quarantine", "list", "--model", "sales_order")
    assert_is_clear_error(unknown, "no model sales_order", "dim_counterparty", "fact_sales_order")


def test_long_list_is_cut_on_a_terminal_only(ran: World) -> None:
    """Of many rows people see the first, by key, and how many more there are; JSON has them all."""
    ran.change(order_like(14, "generate_series(95, 1105)", "soon"))
    totes(ran, "run")
    lines = totes(ran, "quarantine", "list").output.splitlines()
    assert lines[0] == "1,011 rows in quarantine after batch 2"
    assert len(lines) == 2 + 50 + 1
    assert "sales_order_id 95 " in lines[2]
    assert "sales_order_id 144 " in lines[51]
    assert lines[-1] == "  and 961 more; totes quarantine list --json has them all"
    assert len(listed(ran)["rows"]) == 1011


def test_values_do_not_command_the_terminal(troubled: World) -> None:
    """Control characters in a refused value are shown, and not sent to the terminal."""
    shown = totes(troubled, "quarantine", "list").output
    assert "\\x1b[2Jsoon\\n is no date" in shown
    assert "\x1b[2J" not in shown


def test_number_that_json_does_not_know_is_text(ran: World) -> None:
    """A NaN in a waiting row makes no JSON that other programs cannot read."""
    folder = ran.folder / "model"
    shutil.copytree(shipped_model(), folder)
    contract = folder / "source" / "design.toml"
    text = contract.read_text()
    contract.write_text(text + 'weight = { type = "double precision", meaning = "in grams" }\n')
    assert "[columns]" in text
    ran.extra["model"] = folder
    ran.change(
        "alter table design add weight double precision default 'nan'",
        "alter table design alter design_name drop not null",
        "update design set design_name = null where design_id = 8",
    )
    contract.write_text(
        contract.read_text().replace(
            'design_name = { type = "varchar"', 'design_name = { type = "varchar", null = true'
        )
    )
    result = totes(ran, "run", TOTES_MODEL=str(folder))
    assert result.exit_code == 0, result.output
    rows = listed(ran, "--model", "dim_design", TOTES_MODEL=str(folder))["rows"]
    assert rows[0]["row"]["weight"] == "NaN"


@pytest.mark.slow
def test_retry_lets_in_what_mended_reference_data_make_good(world: World, strict: Path) -> None:
    """Rows that lacked reference data come back by a retry, those that refer to them with them,
    although nothing changed at the source and a run alone makes no batch."""
    model = {"TOTES_MODEL": str(strict.parent.parent)}
    breaks(world, "agreed_payment_date = 'soon'")
    totes(world, "run", **model)
    waiting = [(row["model"], row["key"]) for row in listed(world, **model)["rows"]]
    assert waiting[0] == ("dim_currency", {"currency_id": 1})
    assert ("fact_sales_order", {"sales_order_id": 90}) in waiting
    mend(strict, "XGB,", "GBP,")
    assert totes(world, "run", **model).output.count("nothing new, at batch 1") == 3
    assert len(listed(world, **model)["rows"]) == len(waiting)

    result = totes(world, "quarantine", "retry", **model)
    assert result.exit_code == 0, result.output
    assert result.output.count("batch 2:") == 3
    back = len(waiting) - 1
    assert f"{len(waiting)} rows tried again, {back} came back; 1 row left" in result.output
    (left,) = listed(world, **model)["rows"]
    assert (left["key"], left["since"]) == ({"sales_order_id": 14}, 1)
    orders = "select sales_order_id, batch, change from fact_sales_order where currency_id = 1"
    assert world.ask(orders) == [(90, 2, "insert")]
    assert totes(world, "verify", **model).exit_code == 0


@pytest.mark.slow
def test_retry_counts_what_is_gone_apart(ran: World) -> None:
    """A row that was deleted at the source is not said to have come back; JSON has the counts and
    the stages' reports."""
    for order in (2, 14, 90):
        breaks(ran, "design_id = 77", order)
    totes(ran, "run")
    ran.change("delete from sales_order where sales_order_id = 14")
    breaks(ran, "design_id = 8", 90)
    breaks(ran, "design_id = 78", 91)
    result = totes(ran, "quarantine", "retry", "--json")
    assert result.exit_code == 0
    document = json.loads(result.output)
    assert [report["stage"] for report in document.pop("reports")] == ["ingest", "process", "load"]
    assert document == {"tried": 3, "back": 1, "gone": 1, "left": 2}
    ran.change("delete from sales_order where sales_order_id = 2")
    shown = totes(ran, "quarantine", "retry").output
    assert "2 rows tried again, 0 came back, 1 gone from the source; 1 row left" in shown


def test_retry_in_vain_changes_no_row(ran: World) -> None:
    """A retry of what is as bad as before leaves each row as it was, and since when; like a run it
    fails if a table is stopped, and tries the rows all the same."""
    breaks(ran, "design_id = 77")
    totes(ran, "run")
    before = listed(ran)
    assert totes(ran, "quarantine", "retry").exit_code == 0
    assert listed(ran) == {**before, "batch": 3}
    assert ran.ask("select count(*), max(batch) from fact_sales_order") == [(4, 1)]

    ran.change("alter table payment rename column paid to paid_up")
    result = totes(ran, "quarantine", "retry")
    assert result.exit_code == 1
    assert "stopped: " in result.output
    assert "1 row tried again, 0 came back; 1 row left" in result.output


def test_quarantine_of_missing_settings(untouched: World) -> None:
    """A setting that is missing is named; a list needs the processed lake only."""
    assert totes(untouched, "quarantine", "list", TOTES_SOURCE=None).exit_code == 0
    missing = totes(untouched, "quarantine", "list", TOTES_PROCESSED=None)
    assert_is_clear_error(missing, "TOTES_PROCESSED is not set")
    retry = totes(untouched, "quarantine", "retry", TOTES_WAREHOUSE=None)
    assert_is_clear_error(retry, "TOTES_WAREHOUSE is not set")
