"""`totes quarantine`: what people see of the rows that wait, and another try for them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import assert_is_clear_error, totes
from tests.world import World
from totes.contract import shipped_model


def listed(world: World, *arguments: str, **settings: str) -> dict[str, Any]:
    """What `totes quarantine list --json` prints."""
    result = totes(world, "quarantine", "list", "--json", *arguments, **settings)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def breaks(world: World, assignments: str, order: int = 14) -> None:
    world.change(f"update sales_order set {assignments} where sales_order_id = {order}")


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


def test_nothing_in_quarantine_is_said(world: World) -> None:
    """An empty quarantine is said to be empty, before the first batch and after it."""
    before = totes(world, "quarantine", "list")
    assert before.exit_code == 0
    assert before.output == "nothing in quarantine, and no batch in the processed lake yet\n"
    totes(world, "run")
    after = totes(world, "quarantine", "list")
    assert after.exit_code == 0
    assert after.output == "nothing in quarantine, after batch 1\n"
    assert listed(world) == {"batch": 1, "total": 0, "rows": []}


def test_list_shows_each_row_with_its_reason(world: World) -> None:
    """A row in quarantine is shown with model, source table, key, batch, reason, and whether an
    older version stands; nothing is written."""
    breaks(world, "agreed_payment_date = 'soon'", 90)
    totes(world, "run")
    breaks(world, "design_id = 77, unit_price = 1.234")
    totes(world, "run")
    before = world.objects()
    result = totes(world, "quarantine", "list")
    assert result.exit_code == 0
    assert world.objects() == before
    title, _, *rows = result.output.splitlines()
    assert title == "2 rows in quarantine after batch 2"
    assert [" ".join(row.split()) for row in rows] == [
        "fact_sales_order sales_order sales_order_id 90 1 not in the star "
        "agreed_payment_date: soon is no date",
        "fact_sales_order sales_order sales_order_id 14 2 an older version stands "
        "unit_price: 1.234 does not fit numeric(10,2) exactly; design_id: 77 is not in dim_design",
    ]


def test_list_json_has_the_whole_row(world: World) -> None:
    """With --json each row is whole, the source's row with it, and nothing is cut."""
    totes(world, "run")
    long = "soon " * 18
    breaks(world, f"agreed_payment_date = '{long}', agreed_delivery_date = '{long}'")
    totes(world, "run")
    document = listed(world)
    assert (document["batch"], document["total"]) == (2, 1)
    (row,) = document["rows"]
    source = row.pop("row")
    assert source["agreed_payment_date"] == long
    assert source["unit_price"] == "3.94"
    assert len(source) == 12
    assert row == {
        "model": "fact_sales_order",
        "source": "sales_order",
        "key": {"sales_order_id": 14},
        "reason": f"agreed_payment_date: {long} is no date; "
        f"agreed_delivery_date: {long} is no date",
        "since": 2,
        "older_version_stands": True,
    }
    shown = totes(world, "quarantine", "list").output
    assert shown.endswith("…\n")
    assert max(len(line) for line in shown.splitlines()) < 300


def test_since_is_the_first_batch_that_refused_the_row(world: World) -> None:
    """A row that goes on being refused, also for another reason, waits since the first batch; one
    that was mended in between, since the later one."""
    for assignments, since in [
        ("agreed_payment_date = 'soon'", [1]),
        ("agreed_payment_date = 'later'", [1]),
        ("agreed_payment_date = '2023-03-08'", []),
        ("agreed_payment_date = 'soon'", [4]),
    ]:
        breaks(world, assignments)
        totes(world, "run")
        assert [row["since"] for row in listed(world)["rows"]] == since


def test_list_of_one_model(world: World) -> None:
    """--model lists the rows of one model; one that does not exist is an error that names all."""
    breaks(world, "agreed_payment_date = 'soon'")
    world.change("update payment set payment_date = 'soon'")
    totes(world, "run")
    assert listed(world)["total"] == 7
    only = listed(world, "--model", "fact_sales_order")
    assert {row["model"] for row in only["rows"]} == {"fact_sales_order"}
    assert only["total"] == 1
    assert listed(world, "--model", "dim_staff")["rows"] == []
    unknown = totes(world, "quarantine", "list", "--model", "sales_order")
    assert_is_clear_error(unknown, "no model sales_order", "dim_counterparty", "fact_sales_order")


def test_long_list_is_cut_on_a_terminal_only(world: World) -> None:
    """Of many rows people see the first, by key, and how many more there are; JSON has them all."""
    world.change(
        "insert into sales_order select 'soon', n, last_updated, created_at, unit_price, "
        "design_id, staff_id, counterparty_id, units_sold, currency_id, agreed_delivery_date, "
        "agreed_delivery_location_id from sales_order, generate_series(95, 1105) as n "
        "where sales_order_id = 14"
    )
    totes(world, "run")
    lines = totes(world, "quarantine", "list").output.splitlines()
    assert lines[0] == "1,011 rows in quarantine after batch 1"
    assert len(lines) == 2 + 50 + 1
    assert "sales_order_id 95 " in lines[2]
    assert "sales_order_id 144 " in lines[51]
    assert lines[-1] == "  and 961 more; totes quarantine list --json has them all"
    assert len(listed(world)["rows"]) == 1011


def test_values_do_not_command_the_terminal(world: World) -> None:
    """Control characters in a refused value are shown, and not sent to the terminal."""
    breaks(world, "agreed_payment_date = e'\\x1b[2Jsoon\\n'")
    totes(world, "run")
    shown = totes(world, "quarantine", "list").output
    assert "\\x1b[2Jsoon\\n is no date" in shown
    assert "\x1b[2J" not in shown


def test_number_that_json_does_not_know_is_text(world: World) -> None:
    """A NaN in a waiting row makes no JSON that other programs cannot read."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    contract = folder / "source" / "design.toml"
    text = contract.read_text()
    contract.write_text(text + 'weight = { type = "double precision", meaning = "in grams" }\n')
    assert "[columns]" in text
    world.extra["model"] = folder
    world.change(
        "alter table design add weight double precision default 'nan'",
        "alter table design alter design_name drop not null",
        "update design set design_name = null where design_id = 8",
    )
    contract.write_text(
        contract.read_text().replace(
            'design_name = { type = "varchar"', 'design_name = { type = "varchar", null = true'
        )
    )
    result = totes(world, "run", TOTES_MODEL=str(folder))
    assert result.exit_code == 0, result.output
    rows = listed(world, "--model", "dim_design", TOTES_MODEL=str(folder))["rows"]
    assert rows[0]["row"]["weight"] == "NaN"


def test_status_says_where_to_look(world: World) -> None:
    """`totes status` names the command that says why, if there is anything to be said."""
    totes(world, "run")
    assert "totes quarantine list" not in totes(world, "status").output
    breaks(world, "agreed_payment_date = 'soon'")
    totes(world, "run")
    assert "next: totes quarantine list" in totes(world, "status").output


def test_retry_of_nothing_does_nothing(world: World) -> None:
    """With nothing in quarantine a retry says so, and makes no batch, whatever is new."""
    nothing = "nothing in quarantine to try again\n"
    empty = totes(world, "quarantine", "retry")
    assert (empty.exit_code, empty.output) == (0, nothing)
    totes(world, "run")
    world.change("delete from payment where payment_id = 8")
    before = world.objects()
    result = totes(world, "quarantine", "retry")
    assert (result.exit_code, result.output) == (0, nothing)
    assert json.loads(totes(world, "quarantine", "retry", "--json").output) == {
        "reports": [],
        "tried": 0,
        "back": 0,
        "gone": 0,
        "left": 0,
    }
    assert world.objects() == before


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


def test_retry_counts_what_is_gone_apart(world: World) -> None:
    """A row that was deleted at the source is not said to have come back; JSON has the counts and
    the stages' reports."""
    for order in (2, 14, 90):
        breaks(world, "design_id = 77", order)
    totes(world, "run")
    world.change("delete from sales_order where sales_order_id = 14")
    breaks(world, "design_id = 8", 90)
    breaks(world, "design_id = 78", 91)
    result = totes(world, "quarantine", "retry", "--json")
    assert result.exit_code == 0
    document = json.loads(result.output)
    assert [report["stage"] for report in document.pop("reports")] == ["ingest", "process", "load"]
    assert document == {"tried": 3, "back": 1, "gone": 1, "left": 2}
    world.change("delete from sales_order where sales_order_id = 2")
    shown = totes(world, "quarantine", "retry").output
    assert "2 rows tried again, 0 came back, 1 gone from the source; 1 row left" in shown


def test_retry_in_vain_changes_no_row(world: World) -> None:
    """A retry of what is as bad as before leaves each row as it was, and since when."""
    breaks(world, "design_id = 77")
    totes(world, "run")
    before = listed(world)
    assert totes(world, "quarantine", "retry").exit_code == 0
    assert listed(world) == {**before, "batch": 2}
    assert world.ask("select count(*), max(batch) from fact_sales_order") == [(3, 1)]


def test_retry_beside_a_stopped_table_is_exit_code_1(world: World) -> None:
    """A retry, like a run, fails if a table is stopped, and tries the rows all the same."""
    breaks(world, "design_id = 77")
    totes(world, "run")
    world.change("alter table payment rename column paid to paid_up")
    result = totes(world, "quarantine", "retry")
    assert result.exit_code == 1
    assert "stopped: " in result.output
    assert "1 row tried again, 0 came back; 1 row left" in result.output


def test_quarantine_of_missing_settings(world: World) -> None:
    """A setting that is missing is named; a list needs the processed lake only."""
    assert totes(world, "quarantine", "list", TOTES_SOURCE=None).exit_code == 0
    missing = totes(world, "quarantine", "list", TOTES_PROCESSED=None)
    assert_is_clear_error(missing, "TOTES_PROCESSED is not set")
    retry = totes(world, "quarantine", "retry", TOTES_WAREHOUSE=None)
    assert_is_clear_error(retry, "TOTES_WAREHOUSE is not set")
