"""Lineage: where a column of the warehouse comes from, read off the data model's SQL."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from totes.cli import cli
from totes.contract import DataModel, shipped_model
from totes.errors import ConfigurationError, ModelError
from totes.lineage import Lineage, Tracer, lineage

MODEL = DataModel.load(shipped_model())
TRACER = Tracer(MODEL)
# Where they come from is said here by hand, by who has read the SQL.
BY_HAND = {
    "fact_sales_order.unit_price": ["sales_order.unit_price"],
    "fact_sales_order.sales_staff_id": ["sales_order.staff_id"],
    "fact_sales_order.created_date": ["sales_order.created_at"],
    "fact_sales_order.created_time": ["sales_order.created_at"],
    "fact_sales_order.sales_record_id": ["fact_sales_order.sales_record_id"],
    "fact_sales_order.batch": ["fact_sales_order.batch"],
    "dim_counterparty.counterparty_legal_city": ["address.city"],
    "dim_counterparty.counterparty_legal_name": ["counterparty.counterparty_legal_name"],
    "dim_currency.currency_name": ["iso_4217.name"],
    "dim_location.location_id": ["address.address_id"],
    "dim_staff.location": ["department.location"],
    "dim_exchange_rate.units_per_euro": ["dim_exchange_rate.units_per_euro"],
    "dim_date.quarter": [
        "payment.created_at",
        "payment.last_updated",
        "payment.payment_date",
        "purchase_order.agreed_delivery_date",
        "purchase_order.agreed_payment_date",
        "purchase_order.created_at",
        "purchase_order.last_updated",
        "sales_order.agreed_delivery_date",
        "sales_order.agreed_payment_date",
        "sales_order.created_at",
        "sales_order.last_updated",
    ],
    "current_payment.change": ["fact_payment.change"],
    "sales.staff_name": ["staff.first_name", "staff.last_name"],
    "sales.department": ["department.department_name"],
    "sales.delivery_city": ["address.city"],
    "sales.order_value": ["sales_order.unit_price", "sales_order.units_sold"],
    "sales.order_value_gbp": [
        "currency.currency_code",
        "dim_exchange_rate.units_per_euro",
        "sales_order.unit_price",
        "sales_order.units_sold",
    ],
    "sales.amount_paid": [
        "payment.paid",
        "payment.payment_amount",
        "payment_type.payment_type_name",
    ],
    "payments.sales_order_id": ["transaction.sales_order_id"],
    "payments.days_overdue": ["payment.paid", "payment.payment_date"],
    "payment_history.valid_to": ["payment.last_updated", "totes.ledger.taken_at"],
    "data_freshness.freshness": ["totes.state.true_at"],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_lineage_is_what_the_sql_says(name: str) -> None:
    """Columns come from those that somebody reads off the SQL, through renaming, joins, unions,
    laterals, windows and views upon views."""
    (found,) = TRACER.lineage(name)
    assert [str(origin) for origin in found.origins] == BY_HAND[name]


@pytest.mark.parametrize("table", [*MODEL.stars, *MODEL.views, "dim_exchange_rate"])
def test_every_column_has_lineage(table: str) -> None:
    """Each column of each table and view comes from columns that there are: of source tables,
    reference data, exchange rates, or Totes' own."""
    for column in TRACER.lineage(table):
        assert column.origins, column
        for origin in column.origins:
            if origin.kind == "source":
                assert origin.column in MODEL.sources[origin.table].columns
            elif origin.kind == "totes":
                assert origin.table.startswith("totes.") or origin.table in MODEL.stars
            else:
                assert origin.table in {"iso_4217", "dim_exchange_rate"}


def test_all_columns_are_there_in_order() -> None:
    """A whole table's lineage has its columns, in order; a fact's end with Totes' two."""
    found = [column.column for column in TRACER.lineage("fact_payment")]
    assert found == [*MODEL.stars["fact_payment"].columns, "batch", "change"]
    found = [column.column for column in TRACER.lineage("sales")]
    assert found == list(MODEL.views["sales"].columns)


def test_steps_are_what_the_select_reads() -> None:
    """Beside where a column comes from in the end is what its own SELECT reads."""
    (found,) = TRACER.lineage("sales.staff_name")
    assert [str(step) for step in found.reads] == ["dim_staff.first_name", "dim_staff.last_name"]


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("sale", "no table or view 'sale'", "did you mean sales or fact_sales_order?"),
        ("dim_staf.location", "no table or view 'dim_staf'", "dim_staff"),
        ("sales.staffname", "no column 'staffname' in sales", "staff_name"),
        ("xyz", "no table or view 'xyz'", "there are "),
        ("sales.", "no column '' in sales", "there are sales_order_id, "),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(name: str, said: str, hint: str) -> None:
    """An unknown table or column is a clear error, with the names that it may have meant."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        TRACER.lineage(name)
    assert hint in str(caught.value.hint)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data model."""
    shutil.copytree(shipped_model(), tmp_path / "model")
    return tmp_path / "model"


def traced(folder: Path, name: str) -> list[Lineage]:
    return lineage(DataModel.load(folder), name)


def test_view_without_a_contract_has_lineage(folder: Path) -> None:
    """The columns of a view that says nothing of itself are read off its SQL; a constant comes
    from nowhere."""
    sql = """
        with place as (select location_id as id, upper(city) as "City" from dim_location)
        select place."City" || ', ' || s.delivery_country as place, 7 as seven, now() as asked
        from sales as s join place on place.id = s.sales_order_id
    """
    (folder / "views" / "places.sql").write_text(sql)
    found = {column.column: column for column in traced(folder, "places")}
    assert list(found) == ["place", "seven", "asked"]
    assert [str(origin) for origin in found["place"].origins] == ["address.city", "address.country"]
    assert found["seven"].origins == found["asked"].origins == ()


def test_model_s_case_does_not_matter(folder: Path) -> None:
    """The engine does not tell case, and lineage has the contract's."""
    path = folder / "star" / "dim_design.sql"
    path.write_text('select Design.DESIGN_ID, design_name, "File_Location", file_name from Design')
    path.write_text(path.read_text().replace('"File_Location"', '"File_Location" as file_location'))
    found = traced(folder, "dim_design")
    assert [str(origin) for column in found for origin in column.origins] == [
        f"design.{name}" for name in ("design_id", "design_name", "file_location", "file_name")
    ]


@pytest.mark.parametrize("sql", ["select from from", "drop table dim_staff"])
def test_sql_that_cannot_be_read_names_its_file(folder: Path, sql: str) -> None:
    """A model that is no SELECT is an error that names its file."""
    (folder / "star" / "dim_design.sql").write_text(sql)
    with pytest.raises(ModelError, match=r"dim_design\.sql"):
        traced(folder, "dim_design")


def test_missing_sqlglot_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error names it."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(ConfigurationError, match="needs sqlglot") as caught:
        lineage(MODEL, "sales")
    assert caught.value.hint == "pip install 'totes[lineage]'"


def totes(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_command_is_for_people_and_programs() -> None:
    """`totes lineage` needs no setting; it prints a table, or with --json a document."""
    shown = totes("lineage", "dim_counterparty.counterparty_legal_city")
    assert shown.output.split()[-3:] == ["counterparty_legal_city", "address.city", "address.city"]
    assert "fact_sales_order.batch (Totes)" in totes("lineage", "current_sales_order").output
    (document,) = json.loads(totes("lineage", "sales.department", "--json").output)
    assert document == {
        "table": "sales",
        "column": "department",
        "origins": [{"table": "department", "column": "department_name", "kind": "source"}],
        "reads": [{"table": "dim_staff", "column": "department_name"}],
    }
    assert totes("lineage", "nothing").exit_code == 1
